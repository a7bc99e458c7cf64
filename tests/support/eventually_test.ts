import assert from "node:assert/strict";
import { eventually } from "./eventually.ts";

Deno.test("eventually returns what the condition yields once it holds", async () => {
  let calls = 0;
  assert.equal(await eventually(() => ++calls === 3 && "third", { every: 1 }), "third");
});

Deno.test("eventually tries a condition that throws again", async () => {
  let calls = 0;
  const condition = () => {
    if (++calls < 3) throw new Error("not yet");
    return true;
  };
  assert.equal(await eventually(condition, { every: 1 }), true);
});

Deno.test("eventually rejects with the condition's source, and its last result or error", async () => {
  const limits = { within: 20, every: 1 };
  await assert.rejects(eventually(() => 0, limits), /^Error: not so within 20 ms: \(\) ?=> ?0\nlast: 0$/);
  const throws = () => Promise.reject(new Error("no such stream"));
  await assert.rejects(eventually(throws, limits), /\nlast: it threw no such stream$/);
});

Deno.test("eventually abandons a condition that never resolves", async () => {
  await assert.rejects(
    eventually(() => new Promise(() => {}), { within: 20 }),
    /last: .no answer yet.$/,
  );
});
