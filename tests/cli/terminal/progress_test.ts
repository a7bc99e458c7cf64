import assert from "node:assert/strict";
import { Progress } from "../../../runtime/cli/terminal/progress.ts";

function setup(terminal: boolean, total?: number) {
  const written: string[] = [];
  let nowMs = 5_000;
  const to = { terminal: () => terminal, write: (text: string) => void written.push(text), nowMs: () => nowMs };
  return { progress: new Progress("stored", total, to), written, pass: (ms: number) => nowMs += ms };
}

Deno.test("Progress rewrites one line ten times a second on a terminal, and removes it at the end", () => {
  const { progress, written, pass } = setup(true, 10_000);
  progress.at(1); // nothing is shown for quick work
  assert.deepEqual(written, []);
  pass(500);
  progress.at(1_500);
  progress.at(1_501); // too soon after the last update
  pass(500);
  progress.at(4_000);
  progress.end();
  assert.deepEqual(written, [
    "\r1,500 of 10,000 stored\x1b[K",
    "\r4,000 of 10,000 stored\x1b[K",
    "\r\x1b[K",
  ]);
});

Deno.test("Progress shows only the count without a total", () => {
  const { progress, written, pass } = setup(true);
  pass(2_000);
  progress.at(40);
  assert.deepEqual(written, ["\r40 stored\x1b[K"]);
});

Deno.test("Progress writes nothing to a pipe", () => {
  const { progress, written, pass } = setup(false, 10);
  pass(2_000);
  progress.at(5);
  progress.end();
  assert.deepEqual(written, []);
});
