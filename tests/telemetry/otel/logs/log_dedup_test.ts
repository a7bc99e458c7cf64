import assert from "node:assert/strict";
import { Logger } from "../../../../runtime/telemetry/otel/logs/logger.ts";
import { LogDedup } from "../../../../runtime/telemetry/otel/logs/log_dedup.ts";
import { TestClock } from "../../../../runtime/testing/test_clock.ts";

/** A log that writes the first three lines of a kind in ten seconds. */
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

Deno.test("LogDedup writes the first lines of a kind, and a count of the others when the window ends", () => {
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

Deno.test("LogDedup writes the first lines again after the window", () => {
  const { clock, log, messages } = setup();
  times(4, () => log.warn("slow"));
  clock.move(10_000);
  times(3, () => log.warn("slow"));
  assert.deepEqual(messages().slice(3), ["slow … and 1 more in 10 s", "slow", "slow", "slow"]);
});

Deno.test("LogDedup holds back no kind that stays below the limit in every window", () => {
  const { clock, log, lines } = setup();
  times(10, () => {
    times(3, () => log.warn("slow"));
    clock.move(10_000);
  });
  assert.equal(lines.length, 30);
});

Deno.test("LogDedup ignores numbers in a message, since delays differ each time", () => {
  const { log, messages } = setup();
  times(5, (n) => log.warn(`attempt failed: again in ${n * 17}ms`));
  assert.equal(messages().length, 3);
});

Deno.test("LogDedup counts each function, message and level separately", () => {
  const { log, lines } = setup();
  times(5, () => {
    log.child({ function: "reserve" }).warn("slow");
    log.child({ function: "capture" }).warn("slow");
    log.child({ function: "capture" }).error("slow");
    log.child({ function: "capture" }).warn("slower");
  });
  assert.equal(lines.length, 12);
});

Deno.test("LogDedup never holds back info and debug", () => {
  const { log, lines } = setup();
  times(100, () => {
    log.info("order confirmed");
    log.debug("handled");
  });
  assert.equal(lines.length, 200);
});

Deno.test("LogDedup.end writes the count of what was held back at once", () => {
  const { clock, log, messages, dedup } = setup();
  times(5, () => log.warn("slow"));
  dedup.end();
  assert.equal(messages().at(-1), "slow … and 2 more in 10 s");
  clock.move(10_000);
  assert.equal(messages().length, 4);
});

Deno.test("LogDedup writes all lines of kinds beyond its maximum, until older windows are over", () => {
  const { clock, log, lines } = setup();
  const kind = (n: number) => String.fromCharCode(97 + n % 26, 97 + Math.floor(n / 26) % 26, 97 + Math.floor(n / 676));
  times(1_000, (n) => log.warn(kind(n)));
  times(10, () => log.warn("one too many"));
  assert.equal(lines.length, 1_010);
  clock.move(10_000);
  times(10, () => log.warn("one too many"));
  assert.equal(lines.length, 1_013);
});

Deno.test("LogDedup writes another cause of the same message, however often the first was held back", () => {
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
