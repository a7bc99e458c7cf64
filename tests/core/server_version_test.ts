import assert from "node:assert/strict";
import { isSupported, OLDEST_SUPPORTED, parseVersion } from "../../runtime/core/server_version.ts";

const texts: [string, string | undefined][] = [
  ["nats-server: v2.15.1", "2.15.1"],
  ["nats-server: v2.9.10\n", "2.9.10"],
  ["2.12.0-RC.1", "2.12.0"],
  ["v2.14.0-preview.2", "2.14.0"],
  ["2.14.0-RC.01_a", "2.14.0"],
  ["2.14.0+abc", "2.14.0"],
  ["10.20.30", "10.20.30"],
  ["", undefined],
  ["nats-server: v2.15", undefined],
  ["127.0.0.1", undefined],
  ["no version", undefined],
];
for (const [text, expected] of texts) {
  Deno.test(`parseVersion of ${JSON.stringify(text)} is ${expected ?? "none"}`, () => {
    assert.equal(parseVersion(text), expected);
  });
}

const ages: [string, boolean][] = [
  ["2.11.99", false],
  ["2.9.10", false],
  ["1.99.99", false],
  ["2.12.0", true],
  ["2.12.0-RC.1", true],
  ["2.12.15", true],
  ["2.15.1", true],
  ["3.0.0", true],
  ["10.0.0", true],
];
for (const [text, expected] of ages) {
  Deno.test(`isSupported(${text}) is ${expected}`, () => {
    assert.equal(isSupported(parseVersion(text)!), expected);
  });
}

Deno.test("OLDEST_SUPPORTED is 2.12.0", () => {
  assert.equal(OLDEST_SUPPORTED, "2.12.0");
});
