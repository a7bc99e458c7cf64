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
    fc.dictionary(name.filter((one) => one !== "__proto__"), tie("value"), { maxKeys: 6, noNullPrototype: true }),
  ),
}));
const names = fc.array(fc.stringMatching(/^[A-Z][a-z]{0,40}$/), { minLength: 1, maxLength: 6 });

Deno.test("code is written as deno fmt would, whatever it holds", async () => {
  const values = fc.sample(value, 200);
  const lists = fc.sample(names, 60);
  const text = [
    ...values.map((one, i) => `const value${i} = ${literal(one, 0, `const value${i} = ;`.length)};\n`),
    ...lists.map((one, i) => `${importOf(one, `../schemas/${i}.ts`)}\n`),
    ...lists.map((one, i) => `const list${i} = ${list(one, 0, `const list${i} = ;`.length)};\n`),
    ...lists.map((one, i) => `const call${i} = ${callOf("call", one, 0, `const call${i} = ;`.length)};\n`),
  ].join("");
  const fmt = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--line-width", "120", "--ext", "ts", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const [{ stdout }] = await Promise.all([fmt.output(), new Blob([text]).stream().pipeTo(fmt.stdin)]);
  assert.equal(new TextDecoder().decode(stdout), text);
});

Deno.test("a literal is the value that it is written for", () => {
  fc.assert(fc.property(value, (one) => {
    assert.deepEqual(Function(`return (${literal(one)})`)(), one);
  }));
});
