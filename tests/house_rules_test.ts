import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import plugin from "./house_rules.ts";

const RUNTIME = fileURLToPath(new URL("../runtime", import.meta.url));

function findings(file: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, file, source).map(({ id }) => id);
}

for (
  const [what, source] of [
    ["a call of ack", "msg.ack();"],
    ["a call of nak", "message.nak(100);"],
    ["a call of term", "delivery.message.term('no');"],
    ["a published ack", 'nc.publish(reply, "+ACK");'],
    ["a published nak in a template", 'nc.publish(reply, `-NAK {"delay":1}`);'],
  ]
) {
  Deno.test(`settle-only refuses ${what} outside settle.ts`, () => {
    assert.deepEqual(findings(`${RUNTIME}/engine/dispatcher.ts`, source), ["house/settle-only"]);
    assert.deepEqual(findings(`${RUNTIME}/nats/consume/settle.ts`, source), []);
    assert.deepEqual(findings("/srv/runtime/functions/ship.ts", source), []);
  });
}

for (
  const source of [
    "export async function f(p: Promise<void>) { await p; }",
    "Deno.env.get('X');",
    "Date.now();",
    "new Date();",
    "Math.random();",
    "setTimeout(() => {}, 1);",
  ]
) {
  Deno.test(`pure-layers refuses \`${source}\` in a pure layer and nowhere else`, () => {
    for (const layer of ["core", "api", "doctor/rules"]) {
      assert.deepEqual(findings(`${RUNTIME}/${layer}/x.ts`, source), ["house/pure-layers"]);
    }
    assert.deepEqual(findings(`${RUNTIME}/engine/x.ts`, source), []);
    assert.deepEqual(findings("/srv/runtime/core/x.ts", source), []);
  });
}

Deno.test("short-functions refuses a function of more than 60 lines in runtime/, and nowhere else", () => {
  const ofLines = (lines: number) => `export function f() {\n${"  x();\n".repeat(lines - 2)}}\n`;
  assert.deepEqual(findings(`${RUNTIME}/app/x.ts`, ofLines(60)), []);
  assert.deepEqual(findings(`${RUNTIME}/app/x.ts`, ofLines(61)), ["house/short-functions"]);
  assert.deepEqual(findings("/srv/functions/ship.ts", ofLines(61)), []);
});
