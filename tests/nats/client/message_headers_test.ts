import assert from "node:assert/strict";
import fc from "fast-check";
import { RawHeaders } from "../../../runtime/nats/client/message_headers.ts";
import { HeaderList } from "../../../runtime/core/headers.ts";
import { takesSeconds } from "../../support/takes_seconds.ts";

const blockOf = (lines: readonly string[]) => ["NATS/1.0", ...lines, "", ""].join("\r\n");

Deno.test("RawHeaders ignores the case of names, and returns the first value of a name", () => {
  const headers = new RawHeaders(blockOf(["Traceparent: one", "ce-id:two ", "CE-ID: three"]));
  assert.equal(headers.get("traceparent"), "one");
  assert.equal(headers.get("Ce-Id"), "two");
  assert.equal(headers.get("tracestate"), undefined);
  assert.deepEqual([...headers.entries()], [["Traceparent", "one"], ["ce-id", "two"], ["CE-ID", "three"]]);
});

const blocks: [what: string, text: string, entries: [string, string][]][] = [
  ["no block at all", "", []],
  ["a status alone", "NATS/1.0 503\r\n\r\n", []],
  ["a line without a colon", blockOf(["odd", "a: 1"]), [["a", "1"]]],
  ["a value with colons", blockOf(["a: 1:2:3"]), [["a", "1:2:3"]]],
  ["an empty value", blockOf(["a:"]), [["a", ""]]],
  ["a block that breaks off", "NATS/1.0\r\na: 1\r\nb: 2", [["a", "1"], ["b", "2"]]],
];
for (const [what, text, entries] of blocks) {
  Deno.test(`RawHeaders reads ${what}`, () => assert.deepEqual([...new RawHeaders(text).entries()], entries));
}

Deno.test("RawHeaders reads any block as HeaderList does", () => {
  const name = fc.stringMatching(/^[!-9;-~]{1,12}$/), value = fc.stringMatching(/^[!-~]([ -~]{0,8}[!-~])?$/);
  fc.assert(fc.property(fc.array(fc.tuple(name, value)), name, (entries, other) => {
    const raw = new RawHeaders(blockOf(entries.map(([name, value]) => `${name}: ${value}`)));
    const list = new HeaderList(entries);
    for (const asked of [other, ...entries.map(([name]) => name)]) assert.equal(raw.get(asked), list.get(asked));
    assert.deepEqual([...raw.entries()], list.entries());
    const visited = (headers: RawHeaders | HeaderList) => {
      const seen: string[][] = [];
      headers.each((...header) => void seen.push(header));
      return seen;
    };
    assert.deepEqual(visited(raw), visited(list));
  }));
});

Deno.test("RawHeaders trims any value as `trim` does, which the client uses", () => {
  const value = fc.string({ unit: fc.constantFrom(..."ab \t\0\x0b\x1f\x7f\u00a0\u3000\ufeffé") });
  fc.assert(fc.property(value, fc.constantFrom("", " "), fc.boolean(), (value, space, breaksOff) => {
    const block = `NATS/1.0\r\na:${space}${value}${breaksOff ? "" : "\r\nb: 1\r\n\r\n"}`;
    assert.equal(new RawHeaders(block).get("a"), value.trim());
  }));
});

Deno.test("RawHeaders takes time in proportion to a block, also without any colon, bounded work", () => {
  const headers = new RawHeaders(blockOf(Array.from({ length: 300_000 }, () => "a")));
  assert.equal(takesSeconds(() => headers.get("ce-id")), undefined);
});
