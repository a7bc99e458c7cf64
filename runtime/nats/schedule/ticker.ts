import type { JetStreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import type { Log } from "../../api/context.ts";
import type { Namespace } from "../../core/namespace.ts";
import { dueTicks, type Schedule } from "../../core/schedule.ts";
import type { ServerClock } from "../../engine/clock.ts";
import { PublishError } from "../../engine/publisher.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { SCHEDULES } from "../../project/resolve_streams.ts";
import { isWrongLastSequence } from "../client/error_codes.ts";
import { isUnavailable } from "../client/is_unavailable.ts";
import { attributeHeaders } from "../publish/event_publisher.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { beginningOf } from "./resources.ts";

/** Longest sleep in milliseconds: the server's clock may be set, and a pause may end. */
const LONGEST_MS = 5_000;
/** Pause after a failure, in milliseconds. */
const AGAIN_MS = 1_000;

/** A schedule of a function, and what is known of its ticks. */
interface Ticking {
  readonly functionName: string;
  /** Type of the tick's events. */
  readonly type: string;
  readonly schedule: Schedule;
  /** Last tick, and its sequence in the stream; 0 if none was published yet. Undefined until it is read. */
  last?: { readonly atMs: number; readonly sequence: number };
  hasFailed: boolean;
}

/**
 * Publishes the ticks of schedules as events of the stream SCHEDULES. Every process of a function tries to publish each
 * tick.
 *
 * Invariant: a tick is stored only directly after the last tick that its publisher knows (the expected last sequence of
 * its subject), and is later than that one. So each tick is stored once, whatever processes die, and no process leads.
 */
export class Ticker {
  readonly #ticking: Ticking[];
  readonly #timers = new Map<Ticking, () => void>();
  readonly #running = new Set<Promise<void>>();
  #stopped = false;

  /** @param isPaused Returns whether a function is paused. Ticks during a pause are missed. */
  constructor(
    readonly options: {
      readonly functions: readonly ResolvedFunction[];
      readonly jsm: { readonly streams: Pick<JetStreamManager["streams"], "getMessage"> };
      readonly messages: MessagePublisher;
      readonly names: Namespace;
      readonly clock: ServerClock;
      readonly log: Log;
      readonly isPaused: (functionName: string) => boolean;
    },
  ) {
    this.#ticking = options.functions.flatMap(({ name: functionName, triggers }) =>
      triggers.flatMap(({ pattern: type, schedule }) =>
        schedule ? [{ functionName, type, schedule, hasFailed: false }] : []
      )
    );
  }

  start(): void {
    for (const one of this.#ticking) this.#wake(one);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cancel of this.#timers.values()) cancel();
    await Promise.all(this.#running);
  }

  #wake(one: Ticking): void {
    const running = this.#tick(one).then((sleepMs) => {
      this.#running.delete(running);
      if (!this.#stopped) this.#timers.set(one, this.options.clock.timer(sleepMs, () => this.#wake(one)));
    });
    this.#running.add(running);
  }

  /** Publishes what is due. Resolves to the milliseconds until the next look. Never rejects. */
  async #tick(one: Ticking): Promise<number> {
    const { clock, isPaused, log } = this.options, fields = { function: one.functionName, schedule: one.schedule.text };
    try {
      one.last ??= await this.#readLast(one);
      while (!this.#stopped && !isPaused(one.functionName)) {
        const [atMs] = dueTicks(one.schedule, one.last.atMs, clock.serverNow());
        if (atMs === undefined) break;
        one.last = await this.#publish(one, atMs, one.last.sequence);
      }
      if (one.hasFailed) log.info("the ticks of a schedule are published again", fields);
      one.hasFailed = false;
      const nowMs = clock.serverNow(), nextMs = one.schedule.next(nowMs) ?? Infinity;
      return Math.max(1, Math.min(nextMs - nowMs, LONGEST_MS));
    } catch (error) {
      one.last = undefined; // it is not known whether the tick is stored
      if (!one.hasFailed && !this.#stopped) {
        const what = isUnavailable(error) ? "until NATS answers" : "and are tried again";
        log.warn(`the ticks of a schedule cannot be published: they wait ${what}`, { ...fields, error });
      }
      one.hasFailed = true;
      return AGAIN_MS;
    }
  }

  async #publish({ type, schedule, functionName }: Ticking, atMs: number, lastSequence: number) {
    const { messages, names } = this.options, subject = names.subject(type), time = new Date(atMs).toISOString();
    const source = `/schedules/${functionName}`, id = `${schedule.name}/${time}`;
    const json = JSON.stringify({ scheduledAt: time, schedule: schedule.text });
    const hdrs = attributeHeaders({ id, type, source, time, json }).toMsgHdrs();
    hdrs.set("Nats-Msg-Id", `${source} ${id}`);
    hdrs.set("Nats-Expected-Last-Subject-Sequence", String(lastSequence));
    try {
      // Another process may have stored it: as a duplicate within the duplicate window.
      const { sequence } = await messages.publish(subject, new TextEncoder().encode(json), hdrs);
      return { atMs, sequence };
    } catch (error) {
      if (!(error instanceof PublishError) || !isWrongLastSequence(error.jetStreamCode)) throw error;
      return await this.#readLast({ type });
    }
  }

  /**
   * Reads the last published tick of a schedule from the stream's leader. If none was published, the schedule begins
   * now, and that time is stored once for all processes.
   */
  async #readLast({ type }: Pick<Ticking, "type">): Promise<NonNullable<Ticking["last"]>> {
    const { jsm, messages, names, clock } = this.options, subject = names.subject(type);
    const stream = names.stream(SCHEDULES.name);
    const timeOf = async (last_by_subj: string) => {
      const message = await jsm.streams.getMessage(stream, { last_by_subj });
      return message && { atMs: Date.parse(message.header.get("ce-time")), sequence: message.seq };
    };
    const last = await timeOf(subject);
    if (last) return last;
    const begun = await timeOf(beginningOf(subject));
    if (begun) return { ...begun, sequence: 0 };
    const hdrs = headers(), atMs = clock.serverNow();
    hdrs.set("ce-time", new Date(atMs).toISOString());
    hdrs.set("Nats-Expected-Last-Subject-Sequence", "0");
    try {
      await messages.publish(beginningOf(subject), new Uint8Array(), hdrs);
    } catch (error) {
      if (!(error instanceof PublishError) || !isWrongLastSequence(error.jetStreamCode)) throw error;
      return await this.#readLast({ type });
    }
    return { atMs, sequence: 0 };
  }
}
