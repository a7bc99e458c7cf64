import assert from "node:assert/strict";
import { every } from "weir";
import { TestClock } from "weir/testing";
import type { MsgRequest } from "@nats-io/jetstream";
import type { MsgHdrs } from "@nats-io/transport-node";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { PublishError } from "../../../runtime/engine/publisher.ts";
import { JETSTREAM_CODES } from "../../../runtime/nats/client/error_codes.ts";
import { Ticker } from "../../../runtime/nats/schedule/ticker.ts";
import { resolvePolicy } from "../../../runtime/project/resolve_policy.ts";
import { resolveSchedule } from "../../../runtime/project/resolve_schedule.ts";
import type { ResolvedFunction } from "../../../runtime/project/resolve_function.ts";
import type { ScheduleTrigger } from "../../../runtime/api/schedule.ts";

const TYPE = "schedules.tick.every", START = "2026-01-01T00:00:00.500Z";
const NO_LOG = { debug() {}, info() {}, warn() {}, error() {} };

/** The stream SCHEDULES in memory, with the expected last sequence of a subject. */
class FakeStream {
  readonly stored: { readonly subject: string; readonly time: string }[] = [];
  /** How the next publish fails: before it is stored, or after, when its answer is lost. */
  failing: "before" | "after" | undefined;
  readonly publisher = {
    publish: (subject: string, _payload: Uint8Array, hdrs: MsgHdrs) =>
      Promise.resolve().then(() => {
        const { failing } = this, expected = Number(hdrs.get("Nats-Expected-Last-Subject-Sequence"));
        this.failing = undefined;
        if (failing === "before") throw new PublishError("unavailable", "no answer");
        if (this.#last(subject) !== expected) {
          const jetStreamCode = JETSTREAM_CODES.streamWrongLastSequence;
          throw new PublishError("refused", "wrong last sequence", { jetStreamCode });
        }
        const sequence = this.stored.push({ subject, time: hdrs.get("ce-time") });
        if (failing === "after") throw new PublishError("unavailable", "no answer");
        return { stream: "SCHEDULES", sequence, duplicate: false };
      }),
  };
  readonly jsm = {
    streams: {
      getMessage: (_stream: string, query: MsgRequest) => {
        const seq = this.#last((query as { last_by_subj: string }).last_by_subj),
          header = { get: () => this.stored[seq - 1].time };
        return Promise.resolve(seq === 0 ? null : { seq, header }) as never;
      },
    },
  };

  get ticks(): string[] {
    return this.stored.filter(({ subject }) => subject === TYPE).map(({ time }) => time.slice(14, 19));
  }

  #last(subject: string): number {
    return this.stored.findLastIndex((one) => one.subject === subject) + 1;
  }
}

function tickerOn(stream: FakeStream, clock: TestClock, trigger: ScheduleTrigger, paused: () => boolean = () => false) {
  const schedule = resolveSchedule(trigger), resolved = resolvePolicy({ on: trigger });
  if (typeof schedule === "string" || !resolved.ok) throw new Error("malformed");
  const fn: ResolvedFunction = {
    ...{ name: "tick", file: "functions/tick.ts", emits: [], policy: resolved.policy, handler: () => {} },
    triggers: [{ pattern: TYPE, stream: "SCHEDULES", schedule }],
  };
  const { jsm, publisher: messages } = stream;
  return new Ticker({ functions: [fn], jsm, messages, names: NO_NAMESPACE, clock, log: NO_LOG, isPaused: paused });
}

Deno.test("Ticker stores each tick once, from five processes that fail and stop at any moment", async () => {
  const clock = new TestClock(START), stream = new FakeStream(), trigger = every("10s");
  const tickers = Array.from({ length: 5 }, () => tickerOn(stream, clock, trigger));
  for (const ticker of tickers) ticker.start();
  await clock.advance("10s");
  stream.failing = "before";
  await clock.advance("10s");
  stream.failing = "after";
  await clock.advance("10s");
  for (const ticker of tickers.slice(1)) await ticker.stop();
  await clock.advance("10s");
  await tickers[0].stop();
  const successor = tickerOn(stream, clock, trigger);
  successor.start();
  await clock.advance("10s");
  await successor.stop();
  assert.deepEqual(stream.ticks, ["00:10", "00:20", "00:30", "00:40", "00:50"]);
  assert.equal(clock.timers, 0);
});

for (const [catchUp, expected] of [["none", ["05:00"]], ["last", ["04:00", "05:00"]], ["all", undefined]] as const) {
  Deno.test(`Ticker after a pause, catchUp ${catchUp}`, async () => {
    const clock = new TestClock(START), stream = new FakeStream();
    let isPaused = true;
    const ticker = tickerOn(stream, clock, every("1m", { catchUp }), () => isPaused);
    ticker.start();
    await clock.advance("270s");
    assert.deepEqual(stream.ticks, []);
    isPaused = false;
    await clock.advance("31s");
    await ticker.stop();
    assert.deepEqual(stream.ticks, expected ?? ["01:00", "02:00", "03:00", "04:00", "05:00"]);
  });
}

Deno.test("Ticker goes by the server's clock, and begins anew in a stream that was created again", async () => {
  const clock = new TestClock(START), stream = new FakeStream(), ahead = 3_600_000;
  clock.serverNow = () => clock.nowMs + ahead;
  const ticker = tickerOn(stream, clock, every("10s"));
  ticker.start();
  await clock.advance("10s");
  assert.equal(stream.stored.at(-1)!.time, "2026-01-01T01:00:10.000Z");
  stream.stored.length = 0;
  await clock.advance("20s");
  await ticker.stop();
  assert.deepEqual(stream.ticks, ["00:30"]);
});
