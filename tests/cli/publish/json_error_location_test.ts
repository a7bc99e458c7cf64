import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonMistake } from "../../../runtime/cli/publish/json_error_location.ts";
import { readData } from "../../../runtime/cli/publish/input.ts";
import { OrderCreated } from "../../support/project/schemas/orders.ts";

const PRETTY = JSON.stringify({ orderId: "o1", items: [{ sku: "book", quantity: 1 }], total: 1_200 }, null, 2);

const mistakes: [text: string, line: number, column: number, why: string][] = [
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
for (const [text, line, column, why] of mistakes) {
  Deno.test(`in ${JSON.stringify(text).slice(0, 40)} the mistake is on line ${line} at column ${column}`, () => {
    const mistake = jsonMistake(text)!;
    assert.deepEqual([mistake.line, mistake.column, mistake.why], [line, column, why]);
    const [shown, caret] = mistake.shown.split("\n"), whole = text.split("\n")[line - 1];
    assert.equal(shown[caret.indexOf("^")], whole[column - 1]);
    assert.ok(shown.length < 90);
  });
}

Deno.test("jsonMistake tells a text that ends too soon from one that is wrong", () => {
  const cutOff = (text: string) => jsonMistake(text)!.cutOff;
  assert.deepEqual(["{", '{"a":', '{"a": 1', '{"a": 1,', '{"a": "x', "[1,\n"].filter((text) => !cutOff(text)), []);
  assert.deepEqual(['{"a" 1}', '{"a": 1} x', '{"a": 1}}', "nope", '{"a": "x\n}'].filter(cutOff), []);
});

Deno.test("jsonMistake finds a place in all that V8 does not read", () => {
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
    assert.equal(jsonMistake(text) === undefined, isRead(text));
  }));
});

function isRead(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

Deno.test("what is JSON has no mistake", () => assert.equal(jsonMistake(PRETTY), undefined));

/** What is said of a file with that in it. */
async function told(text: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, text);
    const error = await readData(`@${file}`, OrderCreated).then(() => undefined, (error) => error as Error);
    return error!.message.replace(file, "FILE").split("\n")[0];
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("a broken file over several lines is one event, and its mistake is told where it is", async () => {
  assert.match(await told(PRETTY.replace('"quantity": 1', '"quantity" 1')), /^FILE:6:18 is not JSON: Colon expected/);
  assert.match(await told(PRETTY.replace("1200", "1200,")), /^FILE:10:1 is not JSON: Property name expected/);
  assert.match(await told(PRETTY.slice(0, -1)), /^FILE:9:16 is not JSON: /);
});

Deno.test("of a file with an event a line, the line is told that is no good, the first one too", async () => {
  const line = JSON.stringify(JSON.parse(PRETTY));
  assert.match(await told(`${line}\n${line.replace(":", "")}\n${line}\n`), /^FILE:2:11 is not JSON: Colon expected/);
  assert.match(await told(`${line.slice(0, -1)}\n${line}\n${line}`), /^FILE:1:\d+ is not JSON: /);
  assert.match(await told(`${line.replace(":", "")}\n${line}`), /^FILE:1:11 is not JSON: Colon expected/);
});
