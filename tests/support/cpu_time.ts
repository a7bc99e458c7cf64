import assert from "node:assert/strict";
import process from "node:process";

/**
 * Runs a function, and fails if it takes more processor time than that. Other processes of a loaded machine do not
 * count, as they do in the time by a clock. The threads of this process do, and test files run in four of them: a limit
 * must be five times the time that the function takes.
 */
export function takesAtMost<Result>(limitMs: number, run: () => Result): Result {
  const before = process.cpuUsage(), result = run(), { user } = process.cpuUsage(before);
  assert.ok(user < 1_000 * limitMs, `it took ${user / 1_000} ms of processor time`);
  return result;
}
