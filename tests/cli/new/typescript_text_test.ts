import assert from "node:assert/strict";
import fc from "fast-check";
import { callOf, importOf, list, literal } from "../../../runtime/cli/new/typescript_text.ts";

const name = fc.oneof(fc.constantFrom("id", "a b", "1", "x-y", "quantity", "it's"), fc.string({ minLength: 1 }));
const { value } = fc.letrec((tie) => ({
  leaf: fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.constantFrom('"a"', "it's", "\n")),
  value: fc.oneof(
    { depthSize: "medium" },
    tie("leaf"),
    fc.array(tie("value"), { maxLength: 6 }),
    fc.dictionary(name.filter((key) => key !== "__proto__"), tie("value"), { maxKeys: 6, noNullPrototype: true }),
  ),
}));
const names = fc.array(fc.stringMatching(/^[A-Z][a-z]{0,40}$/), { minLength: 1, maxLength: 6 });

Deno.test("literal, list, callOf and importOf format as deno fmt does", async () => {
  const values = fc.sample(value, 200);
  const lists = fc.sample(names, 60);
  const text = [
    ...values.map((item, i) => `const value${i} = ${literal(item, 0, `const value${i} = ;`.length)};\n`),
    ...lists.map((item, i) => `${importOf(item, `../schemas/${i}.ts`)}\n`),
    ...lists.map((item, i) => `const list${i} = ${list(item, 0, `const list${i} = ;`.length)};\n`),
    ...lists.map((item, i) => `const call${i} = ${callOf("call", item, 0, `const call${i} = ;`.length)};\n`),
  ].join("");
  const fmt = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--line-width", "120", "--ext", "ts", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const [{ stdout }] = await Promise.all([fmt.output(), new Blob([text]).stream().pipeTo(fmt.stdin)]);
  assert.equal(new TextDecoder().decode(stdout), text);
});

Deno.test("literal evaluates to its value", () => {
  fc.assert(fc.property(value, (json) => {
    assert.deepEqual(Function(`return (${literal(json)})`)(), json);
  }));
});
