import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type {
  DeadLetter,
  DeadLetterContent,
  DeadLetterFilter,
  DeadLetterGroups,
  Redriven,
} from "../../core/dead_letter.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { PublishError } from "../../engine/publisher.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { serverTime } from "../client/server_time.ts";
import { scanStream } from "../inspect/scan_stream.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { publishFitting } from "../retry/fit_payload.ts";
import { fittingSubject, historyIn, ownHeaders, setOrigin } from "../retry/retry_headers.ts";
import { findConsumer } from "../topology/find.ts";
import { isChunk } from "./chunks.ts";
import { headOf, lettersOfKey } from "./keyed_letters.ts";
import { discard, ORDER_KEY, removeDeadLetter } from "./dead_letters.ts";
import { groupLetters, hasError } from "./groups.ts";
import { readDeadLetter, toDeadLetter } from "./read.ts";
import { isKeyReturning, isReturning } from "./returning_letters.ts";

/** Maximum redrives of an event without `force`. By then another redrive is unlikely to help. */
const MAX_REDRIVES = 3;

/** Dead letters that a bulk redrive sends at once. Bounds the payloads in memory and the unacknowledged publishes. */
const WINDOW = 64;

/** Functions by keys of which the first event was discarded. */
type ParkedKeys = Map<string, string>;

type RedriveTally = Record<Redriven | "failed", number>;

/** The operations on dead letters, for the commands and the admin listener. */
export class DeadLetterService {
  readonly #names: Namespace;

  constructor(
    readonly cluster: {
      readonly nc: NatsConnection;
      readonly jsm: JetStreamManager;
      readonly messages: MessagePublisher;
      /** The names in NATS. Default: without a namespace. */
      readonly names?: Namespace;
    },
    /**
     * Returns whether the project has a function. The consumer of a function does not tell, since it outlives the
     * function.
     */
    readonly declares: (functionName: string) => boolean | Promise<boolean> = () => true,
  ) {
    this.#names = cluster.names ?? NO_NAMESPACE;
  }

  /** Lists dead letters without payloads, oldest first. Dead letters that are stored after the call are not listed. */
  async *list(filter: DeadLetterFilter): AsyncIterable<DeadLetter> {
    const { nc, jsm } = this.cluster, { stream, prefix } = this.#names.deadLetters;
    const info = await jsm.streams.info(stream), last = info.state.last_seq, now = serverTime(info);
    const subjectFilter = `${prefix}.${filter.function ?? "*"}.${filter.type ?? ">"}`;
    const from = filter.after === undefined ? {} : { fromSequence: filter.after + 1 };
    let found = 0;
    for await (const { seq, subject, headers, time } of scanStream(nc, stream, subjectFilter, from)) {
      if (seq > last) return;
      const named = this.#names.typeOf(subject);
      if (isChunk(named)) continue;
      const letter = toDeadLetter(seq, named, headers, time);
      if (!matches(letter, filter, now)) continue;
      yield letter;
      if (++found === filter.limit || seq === last) return;
    }
  }

  /** Groups the dead letters that match by their cause. */
  groups(filter: DeadLetterFilter): Promise<DeadLetterGroups> {
    return groupLetters(this.list(filter));
  }

  /** Returns a dead letter with its payload; undefined when there is none at the sequence. */
  async read(sequence: number): Promise<DeadLetterContent | undefined> {
    return (await readDeadLetter(this.cluster.jsm, sequence, this.#names))?.content;
  }

  /**
   * Sends a dead letter back to the function that failed, with a new set of attempts. No other subscriber of the event
   * receives it, since a redriven event is stored in RETRIES on a subject of that function alone, which its consumer
   * there filters (`nats/retry/resources.ts`: `retryDurable`).
   *
   * Invariant: the event is stored in RETRIES before the dead letter is deleted. An interrupted redrive can run again
   * without a second event: the subject in RETRIES names the dead letter and takes only one message, and the runtime
   * deletes the dead letter before it settles that message. If the runtime cannot delete it either, a second redrive
   * sends a second event.
   *
   * @param force Redrives also beyond the maximum number of redrives.
   * @param payload Replaces that of the event. Default: it stays.
   * @throws {PublishError} when the event is not known to be stored; the dead letter then still exists.
   */
  async redrive(
    sequence: number,
    force: boolean,
    hasFunction: HasFunction = this.#functionLookup(),
    payload?: Uint8Array,
  ): Promise<Redriven> {
    const { jsm, messages } = this.cluster, stored = await readDeadLetter(jsm, sequence, this.#names);
    if (!stored) return "missing";
    const { content: letter, allHeaders, chunks } = stored;
    if (letter.reason === "parked" && !force) return "parked";
    if (letter.redrives >= MAX_REDRIVES && !force) return "held-back";
    if (!await hasFunction(letter.function)) return "no-function";
    const hdrs = ownHeaders(allHeaders);
    hdrs.set("Nats-Msg-Id", `redrive:${sequence}:${letter.time}`);
    hdrs.set("Nats-Expected-Last-Subject-Sequence", "0");
    setOrigin(hdrs, letter.function, {
      stream: letter.stream,
      sequence: letter.streamSequence,
      subject: letter.type,
      history: { ...historyIn(allHeaders), redrives: letter.redrives + 1 },
    });
    // No `weir-time`: the age for `maxAge` counts from the time at which the server stores the redrive.
    const id = allHeaders.get("weir-id");
    if (id) hdrs.set("weir-id", id);
    hdrs.set("weir-dead-letter", String(sequence));
    const orderKey = allHeaders.get(ORDER_KEY);
    if (orderKey !== undefined) hdrs.set(ORDER_KEY, orderKey);
    const subject = `${this.#names.retries.redriven}.${letter.function}.${sequence}.${fittingSubject(letter.type)}`;
    try {
      await publishFitting(messages, subject, payload ?? letter.payload, hdrs);
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      if (error.code === "too-large") return "too-large";
      if (error.jetStreamCode !== JETSTREAM_CODES.streamWrongLastSequence) throw error;
    }
    await removeDeadLetter(jsm, sequence, chunks, this.#names);
    return "redriven";
  }

  /**
   * Discards a dead letter. If it had parked its key, the events behind it return.
   *
   * @param later Collects the keys whose events return, for {@linkcode sendParked}. Default: they return at once.
   */
  async discard(sequence: number, later?: ParkedKeys): Promise<boolean> {
    const { jsm } = this.cluster, stored = await headOf(jsm, sequence, this.#names);
    const isDiscarded = await discard(jsm, sequence, this.#names);
    if (!isDiscarded || !stored) return isDiscarded;
    // A redrive that was interrupted has sent its event back already, and the others follow that.
    if (await isReturning(this.cluster.nc, stored.functionName, sequence, this.#names)) return true;
    if (later) later.set(stored.key, stored.functionName);
    else await this.sendParked(new Map([[stored.key, stored.functionName]]));
    return true;
  }

  /** Sends back the first parked event of each key, unless the key has a failed one. The others follow it. */
  async sendParked(keys: ParkedKeys): Promise<void> {
    const { nc, jsm } = this.cluster;
    for (const [key, functionName] of keys) {
      const [first] = await lettersOfKey(nc, this.#names, functionName, key);
      if (!first?.isParked) continue;
      // The process that receives the events may have sent one back meanwhile. It was listed before, or is found here.
      if (!await isKeyReturning(jsm, functionName, key, this.#names)) await this.redrive(first.sequence, true);
    }
  }

  /** Redrives all dead letters that match the filter. After an interruption the same call continues with the rest. */
  async redriveAll(
    filter: DeadLetterFilter,
    force: boolean,
    options: {
      signal?: AbortSignal;
      progress?: (tally: RedriveTally) => void;
      failed?: (sequence: number, error: unknown) => void;
    } = {},
  ): Promise<RedriveTally> {
    const tally = { redriven: 0, "held-back": 0, "no-function": 0, "too-large": 0, parked: 0, missing: 0, failed: 0 };
    const hasFunction = this.#functionLookup();
    const send = async (sequence: number) => {
      try {
        return await this.redrive(sequence, force, hasFunction);
      } catch (error) { // it stays a dead letter, and the others are sent
        options.failed?.(sequence, error);
        return "failed";
      }
    };
    const sendAll = async (sequences: number[]) => {
      for (const outcome of await Promise.all(sequences.map(send))) tally[outcome]++;
      options.progress?.(tally);
    };
    const window: number[] = [];
    for await (const { sequence } of this.list(filter)) {
      if (options.signal?.aborted) break;
      window.push(sequence);
      if (window.length === WINDOW) await sendAll(window.splice(0));
    }
    if (!options.signal?.aborted) await sendAll(window);
    return tally;
  }

  /** Looks each function up once. */
  #functionLookup(): HasFunction {
    const known = new Map<string, Promise<boolean>>();
    return (name) => {
      const found = known.get(name) ?? this.#hasFunction(name);
      known.set(name, found);
      found.catch(() => known.delete(name));
      return found;
    };
  }

  /** Returns false if a redriven event would wait for ever: no process pulls for the function, and none will. */
  async #hasFunction(name: string): Promise<boolean> {
    const consumer = await findConsumer(this.cluster.jsm, this.#names.retries.stream, this.#names.consumer(name));
    return consumer !== undefined && (consumer.num_waiting > 0 || await this.declares(name));
  }
}

/** Resolves to whether a function has a consumer on RETRIES that a process pulls from, or will. */
type HasFunction = (name: string) => Promise<boolean>;

function matches(letter: DeadLetter, filter: DeadLetterFilter, nowMs: number): boolean {
  const ageMs = nowMs - Date.parse(letter.time);
  return (filter.reason === undefined || letter.reason === filter.reason) &&
    (filter.olderThanMs === undefined || ageMs >= filter.olderThanMs) &&
    (filter.newerThanMs === undefined || ageMs <= filter.newerThanMs) &&
    (filter.error === undefined || hasError(letter, filter.error));
}
