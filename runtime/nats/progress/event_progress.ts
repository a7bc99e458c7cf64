import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { decodeAttribute } from "../../core/cloudevent.ts";
import type { Clock } from "../../engine/clock.ts";
import { emittedId } from "../../engine/handler_context.ts";
import type { FollowedEvent, ProgressSource, ProgressStep } from "../../engine/progress_source.ts";
import { type ResolvedFunction, triggerFor } from "../../project/resolve_function.ts";
import { readStoredEvent } from "../inspect/read_message.ts";
import type { SettledReport } from "../inspect/tail_protocol.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { OutcomeReports } from "./outcome_reports.ts";
import { SettledStates } from "./settled_state.ts";
import { StoredIds } from "./stored_ids.ts";

/** Milliseconds between two looks at JetStream's state: they double, from the first to the last. */
const FIRST_LOOK_MS = 500, LAST_LOOK_MS = 5_000;
/** Greatest number of emitted events that are looked up for a function. */
const MAX_EMITTED = 20;
/** Reasons for which a delivery is acked while the function is not done with its event. */
const GOES_ON = new Set<string | undefined>(["delayed", "debounced", "published"]);

export interface ProgressCluster {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  /** Publishes the look-ups of ids. */
  readonly messages: MessagePublisher;
  readonly names?: Namespace;
}

/** The events of a project whose progress may be followed, and what handles them. */
export interface ProgressProject {
  /** The types, each with its stream as the project names it. */
  readonly types: ReadonlyMap<string, string>;
  /** Every function of the project, whichever process runs it. */
  readonly functions: readonly ResolvedFunction[];
  /** Returns whether this process may publish a type: only then are emitted events of the type looked up. */
  readonly mayPublish: (type: string) => boolean;
}

/**
 * Follows events by what processes report of them, and by JetStream's own state. The state tells what was settled
 * before, and what no report came of.
 */
export class EventProgress implements ProgressSource {
  readonly #ids: StoredIds;
  readonly #states: SettledStates;
  readonly #reports: OutcomeReports;
  readonly #names: Namespace;
  /** A subject of each stream, by the name of the stream in NATS. */
  readonly #streams: ReadonlyMap<string, string>;

  constructor(readonly cluster: ProgressCluster, readonly project: ProgressProject, readonly clock: Clock) {
    const { nc, jsm, messages, names = NO_NAMESPACE } = cluster;
    this.#names = names;
    this.#ids = new StoredIds(messages);
    this.#states = new SettledStates(jsm, names);
    this.#reports = new OutcomeReports(nc, clock, names);
    this.#streams = new Map([...project.types].map(([type, stream]) => [names.stream(stream), names.subject(type)]));
  }

  async find(id: string, source: string): Promise<readonly FollowedEvent[]> {
    const found = await Promise.all([...this.#streams.values()].map(async (subject) => {
      const place = await this.#ids.find(subject, { id, source });
      return place && await this.read(place.stream, place.sequence);
    }));
    return found.filter((event) => event !== undefined);
  }

  async read(stream: string, sequence: number): Promise<FollowedEvent | undefined> {
    if (!this.#streams.has(stream)) return undefined;
    const message = await readStoredEvent(this.cluster.nc, stream, { seq: sequence });
    if (!message) return undefined;
    const type = this.#names.typeOf(message.subject, stream);
    if (!this.project.types.has(type)) return undefined;
    const attributes = new Map(
      Object.entries(message.headers).map(([name, value]) => [name.toLowerCase(), decodeAttribute(value)]),
    );
    const extensions = Object.fromEntries(
      [...attributes].filter(([name]) => name.startsWith("ce-")).map(([name, value]) => [name.slice(3), value]),
    );
    const { id = "", source = "" } = extensions;
    return { id, source, type, stream, sequence, storedAtMs: Date.parse(message.time), extensions };
  }

  functionsOf(event: FollowedEvent): readonly string[] {
    return this.#functionsOf(event).map(({ name }) => name);
  }

  follow(event: FollowedEvent, onStep: (step: ProgressStep) => void): () => void {
    const followed = new FollowedFunctions(this.#functionsOf(event), onStep);
    const stopListening = this.#reports.listen(event, (report) => followed.report(report));
    let cancelLook: () => void = () => {};
    const look = async (nextMs: number) => {
      await followed.look(async (fn) => {
        const state = await this.#states.read(event, fn.name);
        if (state === "pending") return undefined;
        return { outcome: state, ...(state === "ack" && { emitted: await this.#emittedBy(fn, event) }) };
      });
      if (!followed.isDone) cancelLook = this.clock.timer(nextMs, () => void look(Math.min(2 * nextMs, LAST_LOOK_MS)));
    };
    // Once the request is at the server, what is settled later is reported.
    void this.cluster.nc.flush().catch(() => {}).then(() => look(FIRST_LOOK_MS));
    return () => {
      followed.end();
      stopListening();
      cancelLook();
    };
  }

  #functionsOf({ type, stream }: FollowedEvent): readonly ResolvedFunction[] {
    const isOn = (one: string | undefined) => one !== undefined && this.#names.stream(one) === stream;
    return this.project.functions.filter((fn) =>
      isOn(triggerFor(fn, type, fn.triggers.find((one) => isOn(one.stream))?.stream)?.stream)
    );
  }

  /**
   * Returns what a function has emitted for an event, by the ids that such events have: those that JetStream remembers,
   * and without the events with an id of the author's own. Undefined if this process may not publish one of the types.
   */
  async #emittedBy({ name, emits }: ResolvedFunction, cause: FollowedEvent): Promise<ProgressStep["emitted"]> {
    if (!emits.every(({ type }) => this.project.mayPublish(type))) return undefined;
    const emitted: { id: string; type: string }[] = [], source = `/functions/${name}`;
    for (let position = 0; position < MAX_EMITTED; position++) {
      const found = await Promise.all(emits.map(async ({ type }) => {
        const id = emittedId(name, cause, type, position);
        return await this.#ids.find(this.#names.subject(type), { id, source }) && { id, type };
      }));
      const [one] = found.filter((event) => event !== undefined);
      if (!one) break;
      emitted.push(one);
    }
    return emitted;
  }
}

/** The functions that are not done with an event. */
class FollowedFunctions {
  /** Each with the number of its reports. */
  readonly #open: Map<string, { readonly fn: ResolvedFunction; reports: number }>;

  constructor(functions: readonly ResolvedFunction[], readonly onStep: (step: ProgressStep) => void) {
    this.#open = new Map(functions.map((fn) => [fn.name, { fn, reports: 0 }]));
  }

  get isDone(): boolean {
    return this.#open.size === 0;
  }

  end(): void {
    this.#open.clear();
  }

  report({ function: name, attempt, outcome, reason, delayMs, emitted }: SettledReport): void {
    const one = this.#open.get(name);
    if (!one || outcome === "lease-expired") return;
    one.reports++;
    const isLast = outcome !== "retry" && !GOES_ON.has(reason);
    this.#step({ function: name, outcome, attempt, reason, delayMs, emitted, isLast });
  }

  /** Takes steps from JetStream's state. A function that reports meanwhile has moved on, and is left to the next look. */
  async look(read: (fn: ResolvedFunction) => Promise<Pick<ProgressStep, "outcome" | "emitted"> | undefined>) {
    await Promise.all([...this.#open].map(async ([name, one]) => {
      const { reports } = one, found = await read(one.fn).catch(() => undefined); // the next look may tell
      if (found && this.#open.get(name)?.reports === reports) this.#step({ function: name, ...found, isLast: true });
    }));
  }

  #step(step: ProgressStep): void {
    if (step.isLast) this.#open.delete(step.function);
    this.onStep(step);
  }
}
