import assert from "node:assert/strict";
import { jsonMistake } from "../../runtime/cli/json_error_location.ts";
import { readData } from "../../runtime/cli/publish_input.ts";
import { OrderCreated } from "../../schemas/orders.ts";

const PRETTY = JSON.stringify({ orderId: "o1", items: [{ sku: "book", quantity: 1 }], total: 1_200 }, null, 2);

const mistakes: [text: string, line: number, column: number, why: RegExp][] = [
  ['{\n  "a": 1,\n  "b" 2\n}', 3, 7, /^Expected ':' after property name$/],
  ['{\n  "a": 1,\n}\n', 3, 1, /^Expected double-quoted property name$/],
  ['{\n  "a": nope\n}', 2, 9, /^Unexpected token 'o'$/],
  ["{\n  'a': 1\n}", 2, 3, /^Expected property name or '}'$/],
  ['{\n  "a": [1, 2\n\n', 2, 13, /./],
  ['{\n  "a": "x\n}', 2, 10, /^Bad control character in string literal$/],
  ['{"a": 1} x', 1, 10, /^Unexpected non-whitespace character after JSON$/],
  [`{"a": "${"x".repeat(5_000)}", "b": undefined}`, 1, 5_016, /^Unexpected token 'u'$/],
  ["nope", 1, 2, /^Unexpected token 'o'$/],
];
for (const [text, line, column, why] of mistakes) {
  Deno.test(`in ${JSON.stringify(text).slice(0, 40)} the mistake is on line ${line} at column ${column}`, () => {
    const mistake = jsonMistake(text)!;
    assert.deepEqual([mistake.line, mistake.column], [line, column]);
    assert.match(mistake.why, why);
    const [shown, caret] = mistake.shown.split("\n"), whole = text.split("\n")[line - 1];
    assert.equal(shown[caret.indexOf("^")], whole[column - 1]);
    assert.ok(shown.length < 90);
  });
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
  assert.match(await told(PRETTY.replace('"quantity": 1', '"quantity" 1')), /^FILE:6:18 is not JSON: Expected ':'/);
  assert.match(await told(PRETTY.replace("1200", "1200,")), /^FILE:10:1 is not JSON: Expected double-quoted/);
  assert.match(await told(PRETTY.slice(0, -1)), /^FILE:9:16 is not JSON: /);
});

Deno.test("of a file with an event a line, the line is told that is no good, the first one too", async () => {
  const line = JSON.stringify(JSON.parse(PRETTY));
  assert.match(await told(`${line}\n${line.replace(":", "")}\n${line}\n`), /^FILE:2:11 is not JSON: Expected ':'/);
  assert.match(await told(`${line.slice(0, -1)}\n${line}\n${line}`), /^FILE:1:\d+ is not JSON: /);
  assert.match(await told(`${line.replace(":", "")}\n${line}`), /^FILE:1:11 is not JSON: Expected ':'/);
});
