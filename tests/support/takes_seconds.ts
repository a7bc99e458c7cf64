import assert from "node:assert/strict";

/** Milliseconds. A loaded machine needs far less for work in proportion to its input. */
const BOUND_MS = 60_000;

/**
 * Runs work, and fails if it took longer than a minute. For input so large that work which grows with its square takes
 * many minutes.
 */
export function takesSeconds<Result>(work: () => Result): Result {
  const fromMs = performance.now(), result = work(), tookMs = performance.now() - fromMs;
  assert.ok(tookMs < BOUND_MS, `it took ${Math.round(tookMs)} ms`);
  return result;
}
