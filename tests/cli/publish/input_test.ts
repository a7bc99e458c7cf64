import assert from "node:assert/strict";
import fc from "fast-check";
import { locateJsonError, readData } from "../../../runtime/cli/publish/input.ts";
import { OrderCreated } from "../../support/project/schemas/orders.ts";

const PRETTY = JSON.stringify({ orderId: "o1", items: [{ sku: "book", quantity: 1 }], total: 1_200 }, null, 2);

const errors: [text: string, line: number, column: number, why: string][] = [
  ['{\n  "a": 1,\n  "b" 2\n}', 3, 7, "Colon expected"],
  ['{\n  "a": 1,\n}\n', 3, 1, "Property name expected"],
  ['{\n  "a": nope\n}', 2, 8, "Invalid symbol"],
  ["{\n  'a': 1\n}", 2, 3, "Invalid symbol"],
  ['{\n  "a": 1 // one\n}', 2, 10, "Invalid comment token"],
  ['{\n  "a": [1, 2\n\n', 2, 13, "it ends too soon"],
  ['{\n  "a": "x\n}', 2, 8, "Unexpected end of string"],
  ['{"a": 1} x', 1, 10, "Invalid symbol"],
  ['{"a": 1}}', 1, 9, "End of file expected"],
  [`{"a": "${"x".repeat(5_000)}", "b": undefined}`, 1, 5_016, "Invalid symbol"],
  ["nope", 1, 1, "Invalid symbol"],
];
for (const [text, line, column, why] of errors) {
  Deno.test(`locateJsonError finds line ${line}, column ${column} in ${JSON.stringify(text).slice(0, 40)}`, () => {
    const error = locateJsonError(text)!;
    assert.deepEqual([error.line, error.column, error.why], [line, column, why]);
    const [excerpt, caret] = error.excerpt.split("\n"), whole = text.split("\n")[line - 1];
    assert.equal(excerpt[caret.indexOf("^")], whole[column - 1]);
    assert.ok(excerpt.length < 90);
  });
}

Deno.test("locateJsonError tells a text that ends too soon from one with an error inside", () => {
  const cutOff = (text: string) => locateJsonError(text)!.cutOff;
  assert.deepEqual(["{", '{"a":', '{"a": 1', '{"a": 1,', '{"a": "x', "[1,\n"].filter((text) => !cutOff(text)), []);
  assert.deepEqual(['{"a" 1}', '{"a": 1} x', '{"a": 1}}', "nope", '{"a": "x\n}'].filter(cutOff), []);
});

Deno.test("locateJsonError finds a location exactly in texts that V8 does not parse", () => {
  const pieces = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"',
    "1",
    "-",
    ".",
    "e",
    "true",
    " ",
    "\n",
    "\\",
    "\t",
    "/",
    "\u2028",
  ];
  fc.assert(fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (parts) => {
    const text = parts.join("");
    assert.equal(locateJsonError(text) === undefined, parses(text));
  }));
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

Deno.test("locateJsonError returns undefined for JSON", () => assert.equal(locateJsonError(PRETTY), undefined));

/** Returns the first line of the error for a file with this text. */
async function errorFor(text: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, text);
    const error = await readData(`@${file}`, OrderCreated).then(() => undefined, (error) => error as Error);
    return error!.message.replace(file, "FILE").split("\n")[0];
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("readData takes a broken file over several lines for one event, and locates its error", async () => {
  assert.match(
    await errorFor(PRETTY.replace('"quantity": 1', '"quantity" 1')),
    /^FILE:6:18 is not JSON: Colon expected/,
  );
  assert.match(await errorFor(PRETTY.replace("1200", "1200,")), /^FILE:10:1 is not JSON: Property name expected/);
  assert.match(await errorFor(PRETTY.slice(0, -1)), /^FILE:9:16 is not JSON: /);
});

Deno.test("readData names the broken line of NDJSON, also the first", async () => {
  const line = JSON.stringify(JSON.parse(PRETTY));
  assert.match(
    await errorFor(`${line}\n${line.replace(":", "")}\n${line}\n`),
    /^FILE:2:11 is not JSON: Colon expected/,
  );
  assert.match(await errorFor(`${line.slice(0, -1)}\n${line}\n${line}`), /^FILE:1:\d+ is not JSON: /);
  assert.match(await errorFor(`${line.replace(":", "")}\n${line}`), /^FILE:1:11 is not JSON: Colon expected/);
});

for (
  const [text, where] of [['{"total":9007199254740993}', "the data"], ['{"a":1}\n{"b":1e400}', "the data, line 2,"]]
) {
  Deno.test(`readData refuses a number that JSON parsers change, in ${where}`, async () => {
    await assert.rejects(
      () => readData(text, OrderCreated),
      new RegExp(`^Error: ${where} has the number .*: give it as text$`),
    );
  });
}
