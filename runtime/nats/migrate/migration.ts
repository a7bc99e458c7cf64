import { Kvm } from "@nats-io/kv";
import { systemClock } from "../../engine/system_clock.ts";
import { StartupProblems } from "../../project/startup_problems.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { NatsSettler } from "../consume/settle.ts";
import { DeadLetters } from "../dead_letters/dead_letters.ts";
import { countMessages } from "../inspect/count_messages.ts";
import { IDEMPOTENCY } from "../kv/resources.ts";
import { NatsKvStore } from "../kv/nats_kv_store.ts";
import { NatsAttemptStore } from "../retry/nats_attempt_store.ts";
import { ATTEMPTS } from "../retry/resources.ts";
import { delayedEventsOf } from "../retry/delayed_events.ts";
import { delayedRetriesOf, hasDelayedRetry, RetryStream } from "../retry/retry_stream.ts";
import { findConsumer, unlessMissing } from "../topology/find.ts";
import { isForeign, ownerIn } from "../topology/owner.ts";
import { orderProblem } from "../topology/priority.ts";
import { bucketStream, type DesiredState, type Durable } from "../topology/resources.ts";
import type { MigrationCluster } from "./cluster.ts";
import { copyEntries } from "./copy_entries.ts";
import { copyCancelled, isShared, markLeft, movePauses, type OldConsumer, withPositions } from "./hand_over.ts";
import { moveDeadLetters } from "./move_dead_letters.ts";
import { moveDelayed } from "./move_delayed.ts";
import { WaitingEvents } from "./move_waiting.ts";
import { unfinishedCommands } from "./unfinished.ts";

/** Numbers of what waits, or was moved. */
export interface Migrated {
  readonly events: number;
  readonly delayedRetries: number;
  readonly deadLetters: number;
  /** Entries of buckets, and of the events that functions with `idempotency` have handled. */
  readonly entries: number;
}

/**
 * Moves what waits for the functions of a project from one namespace to another, on the same account: events, retries
 * and dead letters, and copies what idempotent functions have handled. Each step may be interrupted, and a later run
 * does the rest. Handled events stay where they are.
 */
export class Migration {
  constructor(
    readonly cluster: MigrationCluster,
    /** The functions of the project, by name. */
    readonly functionNames: readonly string[],
  ) {}

  /** Returns the numbers of what waits. Changes nothing. Entries are not counted. */
  async count(): Promise<Migrated> {
    const { nc, jsm, from } = this.cluster, { retries, deadLetters } = from;
    const count = async (stream: string, subjectOf: (functionName: string) => string) => {
      if (!await unlessMissing(jsm.streams.info(stream), JETSTREAM_CODES.streamNotFound)) return 0;
      const all = this.functionNames.map((name) => countMessages(nc, { stream, subject: subjectOf(name) }));
      return sum(await Promise.all(all));
    };
    const consumers = await this.#consumers();
    return {
      events: sum(consumers.map(({ info }) => info.num_pending + info.num_ack_pending)),
      delayedRetries: await count(retries.stream, (name) => delayedRetriesOf(name, from)) +
        await count(retries.stream, (name) => delayedEventsOf(name, from)),
      deadLetters: await count(deadLetters.stream, (name) => `${deadLetters.prefix}.${name}.>`),
      entries: 0,
    };
  }

  /** Returns what the new namespace needs, with the positions of the old consumers where both are on one stream. */
  async positioned(desired: DesiredState): Promise<DesiredState> {
    return await withPositions(this.cluster, desired, await this.#consumers());
  }

  /**
   * Moves everything, and copies these buckets of handlers. The streams and consumers of the new namespace must exist,
   * as {@linkcode positioned} says.
   *
   * @throws {StartupProblems} while a process pulls for one of the functions, in either namespace, or a command on one
   * is unfinished.
   */
  async run(buckets: readonly string[], signal: AbortSignal): Promise<Migrated> {
    await this.checkIdle();
    const consumers = await this.#consumers();
    const { cluster, functionNames } = this;
    await copyCancelled(cluster, consumers);
    await movePauses(cluster, consumers);
    let delayedRetries = 0, events = 0, deadLetters = 0, entries = 0;
    if (await this.#exists(bucketStream(cluster.to.bucket(IDEMPOTENCY.name)))) {
      for (const name of functionNames) entries += await copyEntries(cluster, IDEMPOTENCY.name, signal, `${name}.>`);
    }
    for (const bucket of buckets) entries += await this.#copyBucket(bucket, signal);
    if (await this.#exists(cluster.from.retries.stream)) {
      for (const name of functionNames) delayedRetries += await moveDelayed(cluster, name, signal);
    }
    if (consumers.length > 0) {
      const waiting = await this.#waitingEvents(signal);
      for (const { durable } of consumers) if (!signal.aborted) events += await this.#moveWaiting(waiting, durable);
    }
    if (await this.#exists(cluster.from.deadLetters.stream)) {
      for (const name of functionNames) deadLetters += await moveDeadLetters(cluster, name, signal);
    }
    return { events, delayedRetries, deadLetters, entries };
  }

  async #moveWaiting(waiting: WaitingEvents, durable: Durable): Promise<number> {
    const { cluster } = this, { jsm, to } = cluster, { stream, functionName } = durable;
    if (!isShared(durable, to)) return await waiting.move(durable);
    const moved = await waiting.move(durable, await findConsumer(jsm, stream, to.consumer(functionName)));
    if (!waiting.signal.aborted) await markLeft(cluster, durable);
    return moved;
  }

  async #waitingEvents(signal: AbortSignal): Promise<WaitingEvents> {
    const { cluster } = this, { nc, jsm, messages, duplicates, from } = cluster;
    // Another project may own this bucket, if both had no namespace.
    const kv = await new Kvm(nc).open(from.bucket(ATTEMPTS.name));
    const attempts = new NatsAttemptStore(kv, (name, delivery) => hasDelayedRetry(jsm, name, delivery, from));
    const deadLetters = new DeadLetters(messages, duplicates, Date.now, from);
    const retries = new RetryStream(messages, from);
    const settler = new NatsSettler({ ...cluster, attempts, deadLetters, retries, clock: systemClock });
    return new WaitingEvents(cluster, attempts, settler, signal);
  }

  async #exists(stream: string): Promise<boolean> {
    return await unlessMissing(this.cluster.jsm.streams.info(stream), JETSTREAM_CODES.streamNotFound) !== undefined;
  }

  /** Copies a bucket of `ctx.kv`, and creates it before. */
  async #copyBucket(bucket: string, signal: AbortSignal): Promise<number> {
    const { nc, jsm, from, to } = this.cluster, stream = bucketStream(from.bucket(bucket));
    if (!await this.#exists(stream)) {
      throw new Error(`there is no key-value bucket ${JSON.stringify(from.bucket(bucket))}`);
    }
    const { num_replicas } = (await jsm.streams.info(stream)).config;
    await new NatsKvStore(nc, num_replicas, to).bucket(bucket).get("weir");
    return await copyEntries(this.cluster, bucket, signal);
  }

  /** Returns where a migration looked that found nothing, and what it left alone there. */
  async whyNothing(): Promise<string> {
    const { from } = this.cluster, all = await this.#named();
    const place = from.name === undefined ? "no namespace" : `the namespace ${from.name}`;
    const functions = this.functionNames.join(", ") || "none";
    const others = all.filter(({ info }) => isForeign(info.config.metadata, from));
    const looked = all.length > others.length
      ? `nothing waits for the functions of this project (${functions}) in ${place}`
      : `no function of this project (${functions}) has a consumer in ${place}`;
    if (others.length === 0) return looked;
    const owners = [...new Set(others.map(({ info }) => JSON.stringify(ownerIn(info.config.metadata))))].join(", ");
    const namespace = from.name === undefined ? "" : `WEIR_NAMESPACE=${from.name} `;
    return `${looked}; consumers with these names there belong to the project ${owners}: if that is this project's former ` +
      `name, run \`${namespace}deno task apply --take-over\`, and then this again`;
  }

  /** Returns the consumers of the functions in the old namespace, on whatever stream they are. */
  async #consumers(): Promise<OldConsumer[]> {
    return (await this.#named()).filter(({ info }) => !isForeign(info.config.metadata, this.cluster.from));
  }

  /** Finds the consumers with the names of the functions, also those of another project. */
  async #named(): Promise<OldConsumer[]> {
    const { jsm, from } = this.cluster, found: OldConsumer[] = [];
    const mine = new Map(this.functionNames.map((name) => [from.consumer(name), name]));
    for await (const stream of jsm.streams.names()) {
      if (!from.includes(stream)) continue;
      for await (const info of jsm.consumers.list(stream)) {
        const functionName = mine.get(info.name);
        if (functionName === undefined || info.config.deliver_subject) continue;
        found.push({ durable: { functionName, consumer: info.name, stream, filters: [] }, info });
      }
    }
    return found;
  }

  /**
   * Checks that no process pulls, since moved events are stored once only as long as nothing takes them away, that no
   * command on these functions was interrupted, and that no event would lose its order.
   *
   * @throws {StartupProblems} naming every consumer for which one of these is not so, and every unfinished command.
   */
  async checkIdle(): Promise<void> {
    const { jsm, from, to } = this.cluster, found = await this.#consumers(), old = found.map(({ info }) => info);
    const there = this.functionNames.map((name) => {
      return findConsumer(jsm, to.retries.stream, to.consumer(name));
    });
    const all = [...old, ...(await Promise.all(there)).filter((info) => info !== undefined)];
    const pulled = all.filter(({ num_waiting }) => num_waiting > 0);
    const unfinished = await this.#exists(from.retries.stream)
      ? await unfinishedCommands(jsm, this.functionNames, from)
      : [];
    const disordered = found.map(({ durable, info }) => {
      const staying = isShared(durable, to) ? 0 : info.num_pending; // of a shared stream the new consumer delivers them
      return orderProblem(info, durable.functionName, info.num_ack_pending + staying);
    });
    const problems = [
      ...unfinished,
      ...disordered.filter((one) => one !== undefined),
      ...pulled.map(({ name, stream_name }) =>
        `a process pulls from consumer ${name} on stream ${stream_name}: stop the processes of both namespaces first`
      ),
    ];
    if (problems.length > 0) throw new StartupProblems(problems);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
