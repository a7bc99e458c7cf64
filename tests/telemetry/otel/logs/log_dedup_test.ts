import assert from "node:assert/strict";
import { Logger } from "../../../../runtime/telemetry/otel/logs/logger.ts";
import { LogDedup } from "../../../../runtime/telemetry/otel/logs/log_dedup.ts";
import { TestClock } from "../../../../runtime/testing/test_clock.ts";

/** A log that writes the first three of a kind in ten seconds. */
function setup() {
  const clock = new TestClock(0);
  const lines: string[] = [];
  const dedup = new LogDedup(clock, 3, 10_000);
  const log = new Logger({ level: "debug", format: "json", write: (line) => lines.push(line), dedup });
  const messages = () => lines.map((line) => JSON.parse(line).message);
  return { clock, log, lines, messages, dedup };
}

const times = (count: number, run: (n: number) => void) => {
  for (let n = 1; n <= count; n++) run(n);
};

Deno.test("the first of a kind are written, the others counted and told when the window ends", () => {
  const { clock, log, lines, messages } = setup();
  const reserve = log.child({ function: "reserve" });
  times(1_237, (n) => reserve.error("dead letter: rejected", { event_id: `e${n}` }));
  assert.deepEqual(messages(), Array(3).fill("dead letter: rejected"));
  clock.move(10_000);
  const { time: _, ...last } = JSON.parse(lines.at(-1)!);
  assert.deepEqual(last, {
    level: "error",
    message: "dead letter: rejected … and 1,234 more in 10 s",
    function: "reserve",
    held_back: 1_234,
  });
  assert.equal(lines.length, 4);
});

Deno.test("after the window the first are written again", () => {
  const { clock, log, messages } = setup();
  times(4, () => log.warn("slow"));
  clock.move(10_000);
  times(3, () => log.warn("slow"));
  assert.deepEqual(messages().slice(3), ["slow … and 1 more in 10 s", "slow", "slow", "slow"]);
});

Deno.test("a kind that stays below the limit in every window is never held back", () => {
  const { clock, log, lines } = setup();
  times(10, () => {
    times(3, () => log.warn("slow"));
    clock.move(10_000);
  });
  assert.equal(lines.length, 30);
});

Deno.test("numbers do not make it another message: a delay differs every time", () => {
  const { log, messages } = setup();
  times(5, (n) => log.warn(`attempt failed: again in ${n * 17}ms`));
  assert.equal(messages().length, 3);
});

Deno.test("another function, another message and another level are counted for themselves", () => {
  const { log, lines } = setup();
  times(5, () => {
    log.child({ function: "reserve" }).warn("slow");
    log.child({ function: "capture" }).warn("slow");
    log.child({ function: "capture" }).error("slow");
    log.child({ function: "capture" }).warn("slower");
  });
  assert.equal(lines.length, 12);
});

Deno.test("info and debug are never held back", () => {
  const { log, lines } = setup();
  times(100, () => {
    log.info("order confirmed");
    log.debug("handled");
  });
  assert.equal(lines.length, 200);
});

Deno.test("at the end what was held back is told at once", () => {
  const { clock, log, messages, dedup } = setup();
  times(5, () => log.warn("slow"));
  dedup.end();
  assert.equal(messages().at(-1), "slow … and 2 more in 10 s");
  clock.move(10_000);
  assert.equal(messages().length, 4);
});

Deno.test("of more kinds than are kept apart every line is written, until the old ones are over", () => {
  const { clock, log, lines } = setup();
  const kind = (n: number) => String.fromCharCode(97 + n % 26, 97 + Math.floor(n / 26) % 26, 97 + Math.floor(n / 676));
  times(1_000, (n) => log.warn(kind(n)));
  times(10, () => log.warn("one too many"));
  assert.equal(lines.length, 1_010);
  clock.move(10_000);
  times(10, () => log.warn("one too many"));
  assert.equal(lines.length, 1_013);
});

Deno.test("another cause under the same words is written, however often the first was", () => {
  const lines: string[] = [];
  const clock = new TestClock();
  const dedup = new LogDedup(clock);
  const log = new Logger({ level: "info", format: "json", write: (line) => lines.push(line), dedup });
  for (let n = 0; n < 1_000; n++) log.warn("attempt failed", { function: "ship", error: `refused by 10.0.0.${n}` });
  log.warn("attempt failed", { function: "ship", error: "TypeError: total is not a number" });
  assert.match(lines.at(-1)!, /TypeError/);
  assert.equal(lines.length, 51);
  dedup.end();
});
