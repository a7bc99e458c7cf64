import assert from "node:assert/strict";
import { KeyPace, SKIP_MAX_MS, SKIP_MIN_MS } from "../../runtime/engine/key_pace.ts";
import { RETRY_STREAM_MIN_DELAY_MS } from "../../runtime/nats/retry/retry_stream.ts";

/** Lets events of a key end at a pace. */
function busy(pace: KeyPace, fromMs: number, forMs: number, everyMs: number): void {
  pace.resumed(fromMs);
  for (let ms = everyMs; ms <= forMs; ms += everyMs) pace.ended(fromMs + ms);
}

const TABLE: readonly (readonly [name: string, everyMs: number, forMs: number, perSecond: number])[] = [
  ["of a quick handler", 5, 20_000, 200],
  ["of a slow one", 2_000, 60_000, 0.5],
  ["of which the first events have ended", 100, 200, 15],
];
for (const [name, everyMs, forMs, perSecond] of TABLE) {
  Deno.test(`KeyPace measures the pace ${name}`, () => {
    const pace = new KeyPace();
    busy(pace, 1_000, forMs, everyMs);
    const measured = pace.perMs(1_000 + forMs) * 1_000;
    assert.ok(measured > perSecond * 0.9 && measured < perSecond * 1.2, String(measured));
  });
}

Deno.test("KeyPace counts only time in which something is held", () => {
  const pace = new KeyPace();
  busy(pace, 0, 1_000, 10);
  const before = pace.perMs(1_000);
  pace.paused(1_000);
  pace.resumed(600_000);
  assert.equal(pace.perMs(600_000), before);
});

for (const [isAgain, perSecond] of [[false, 400], [true, 150]] as const) {
  const which = isAgain ? "returned before" : "were not skipped over before";
  Deno.test(`KeyPace lets events that ${which} return before their turn, none before the retry stream takes it`, () => {
    const pace = new KeyPace();
    busy(pace, 0, 10_000, 10); // 100 a second
    const delays = Array.from({ length: 1_000 }, () => pace.skip(10_000, isAgain)), last = delays.at(-1)!;
    assert.equal(delays[0], SKIP_MIN_MS);
    const measured = 999 / (last - SKIP_MIN_MS) * 1_000;
    assert.ok(Math.abs(measured - perSecond) < perSecond / 20, String(measured));
    assert.ok(delays.every((delayMs, i) => i === 0 || delayMs > delays[i - 1]));
    assert.equal(pace.isAwaited(10_000 + last - 1), true);
    assert.equal(pace.isAwaited(10_000 + last), false);
  });
}

Deno.test("KeyPace lets every event of a backlog return within a quarter of an hour, however slow the handler was", () => {
  const pace = new KeyPace();
  busy(pace, 0, 60_000, 20_000);
  const delays = Array.from({ length: 10_000 }, () => pace.skip(60_000, false));
  assert.equal(Math.max(...delays), SKIP_MAX_MS);
  assert.equal(pace.skip(61_000, true), SKIP_MAX_MS);
});

Deno.test("SKIP_MIN_MS is what the retry stream takes: a shorter delay would stay in the consumer", () => {
  assert.ok(SKIP_MIN_MS >= RETRY_STREAM_MIN_DELAY_MS);
});
