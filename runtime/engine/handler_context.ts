import type { EmitOptions, HandlerContext, KvBucket, Log } from "../api/context.ts";
import { type EventDefinition, parserOf, payloadText } from "../api/define_event.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import { describeValue, unknownOption } from "../project/option_schemas.ts";
import { issueText } from "../core/cloudevent.ts";
import type { OutgoingEvent } from "../core/event.ts";
import { sha256Hex } from "../core/sha256.ts";
import type { Attempt } from "./attempt.ts";
import type { CircuitBreaker } from "./circuit_breaker.ts";
import { DependencyCalls, type DependencyFailure } from "./dependency_breakers.ts";
import { delayOf } from "./delayed_events.ts";
import type { KvStore } from "./kv_store.ts";
import { ServiceCalls } from "./service_calls.ts";

export interface HandlerResources {
  readonly breaker: (dependency: string) => CircuitBreaker;
  readonly kv: KvStore;
}

/** `emit` without its types: it checks its arguments itself. */
type Emit = (event: EventDefinition, data: unknown, options?: EmitOptions) => void;

const NOTHING: readonly OutgoingEvent[] = [], NO_KEYS: ReadonlySet<string> = new Set();
const EMIT_OPTIONS = ["id", "delay", "at", "key"];

/**
 * The handler's context of one attempt. It buffers emitted events until the handler has returned. Its functions are
 * bound, since authors destructure it: `(event, { emit, log }) => …`. Hot path: its parts are getters that create on
 * first use, since most handlers use few of them, see bench.
 */
export class AttemptContext implements HandlerContext {
  #emitted: OutgoingEvent[] | undefined;
  /**
   * Number of buffered events that the handler has cancelled since. The ids of later ones count them too: an id is made
   * of its event's position.
   */
  #dropped = 0;
  #cancelled: Set<string> | undefined;
  #emit: Emit | undefined;
  #calls: DependencyCalls | undefined;
  #services: ServiceCalls | undefined;
  #abort: AbortController | undefined;
  #aborted: { reason: unknown } | undefined;
  #ended = false;

  readonly attempt: number;
  readonly #attempt: Attempt;
  readonly #resources: HandlerResources;

  constructor(attempt: Attempt, resources: HandlerResources) {
    this.attempt = attempt.number;
    this.#attempt = attempt;
    this.#resources = resources;
  }

  get emitted(): readonly OutgoingEvent[] {
    return this.#emitted ?? NOTHING;
  }

  /** Keys whose delayed events are cancelled. */
  get cancelled(): ReadonlySet<string> {
    return this.#cancelled ?? NO_KEYS;
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#aborted) this.#abort.abort(this.#aborted.reason);
    }
    return this.#abort.signal;
  }

  get replay(): string | undefined {
    return this.#attempt.delivery.history.replay;
  }

  get log(): Log {
    return this.#attempt.log;
  }

  get span(): HandlerContext["span"] {
    return this.#attempt.span;
  }

  get emit(): Emit {
    return this.#emit ??= (event, data, options) => this.#add(event, data, options);
  }

  get cancel(): HandlerContext["cancel"] {
    return (key) => this.#cancel(key);
  }

  get dependency(): HandlerContext["dependency"] {
    return (name) => {
      const breaker = this.#resources.breaker(name);
      return { call: (run) => this.#callsUnderWay().call(breaker, this.signal, run) };
    };
  }

  get kv(): HandlerContext["kv"] {
    return <Value>(name: string): KvBucket<Value> => {
      this.#services ??= new ServiceCalls(() => this.#attempt.clock.now());
      return this.#services.bucket(name, this.#resources.kv.bucket<Value>(name));
    };
  }

  get use(): HandlerContext["use"] {
    return (resource) => {
      if (resource?.kind === "resource") return resource.get();
      throw new TypeError(`ctx.use takes a resource of defineResource, not ${describeValue(resource)}`);
    };
  }

  get now(): HandlerContext["now"] {
    return () => Math.floor(this.#attempt.clock.serverNow());
  }

  #add(event: EventDefinition, data: unknown, options: EmitOptions = {}): void {
    const { fn, clock, event: cause, originKey, hops, delivery: { history: { emitsAs = fn.name } } } = this.#attempt;
    const where = `${fn.name} emits ${event?.type}`;
    if (this.#ended) {
      throw new Error(`${where} after it returned: await whatever emits, so that it is published`);
    }
    if (!fn.emits.includes(event)) throw new TypeError(undeclared(fn, event));
    for (const key in options) {
      if (!EMIT_OPTIONS.includes(key)) throw new TypeError(`${where}: ${unknownOption(key, "", EMIT_OPTIONS)}`);
    }
    const parsed = parserOf(event)(data);
    if (!parsed.ok) {
      throw new TypeError(`${where} with data that its schema refuses: ${issueText(parsed.issues, parsed.omitted)}`);
    }
    const json = payloadText(event, data, where);
    const emitted = this.#emitted ??= [];
    const position = emitted.length + this.#dropped;
    const id = options.id ?? emittedId(emitsAs, cause, event.type, position, originKey);
    if (typeof id !== "string" || id === "") {
      throw new TypeError(
        `${where} with id ${
          describeValue(id)
        }: an id is a non-empty text. Leave it out for one that is the same in every attempt`,
      );
    }
    if (emitted.some((other) => other.id === id)) {
      throw new TypeError(`${where} with id "${id}", which it has emitted already: JetStream would drop one of them`);
    }
    const nowMs = clock.serverNow(), delayed = delayOf(options, fn.name, nowMs, where);
    emitted.push({
      id,
      type: event.type,
      source: `/functions/${emitsAs}`,
      time: new Date(delayed?.atMs ?? nowMs).toISOString(),
      json,
      version: event.version,
      hops: hops + 1,
      ...(delayed && { delayed }),
    });
  }

  #cancel(key: string): void {
    const { name } = this.#attempt.fn;
    if (this.#ended) throw new Error(`${name} cancels a key after it returned: await whatever cancels`);
    if (typeof key !== "string" || key === "") {
      throw new TypeError(`${name} cancels ${describeValue(key)}: a key is a non-empty text`);
    }
    (this.#cancelled ??= new Set()).add(key);
    const before = this.#emitted?.length ?? 0;
    this.#emitted = this.#emitted?.filter(({ delayed }) => delayed?.key !== key);
    this.#dropped += before - (this.#emitted?.length ?? 0);
  }

  /** Returns the calls of the attempt. After the attempt's end they refuse every further call. */
  #callsUnderWay(): DependencyCalls {
    if (!this.#calls) {
      this.#calls = new DependencyCalls(this.#attempt.span);
      if (this.#ended) this.#calls.end(false);
    }
    return this.#calls;
  }

  /** Names a service that the handler waits for and that does not answer; undefined if it waits for none. */
  get unanswered(): string | undefined {
    return this.#services?.unanswered(this.#attempt.fn.policy.timeoutMs);
  }

  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#abort?.abort(reason);
  }

  /**
   * Ends the context with its handler: `emit` throws from now on, and open calls are reported to their breakers.
   * Returns the failure of the dependency in which the handler timed out.
   */
  end(timedOut: boolean): DependencyFailure | undefined {
    this.#ended = true;
    return this.#calls?.end(timedOut);
  }
}

function undeclared(fn: ResolvedFunction, event: EventDefinition | undefined): string {
  if (event?.kind !== "event") {
    return `${fn.name} emits ${describeValue(event)}, which is not an event: give one of \`emits\`, as its definition`;
  }
  const second = fn.emits.some(({ type }) => type === event.type);
  if (second) return `${fn.name} emits a second definition of ${event.type}: give the one that \`emits\` has`;
  return `${fn.name} emits ${event.type} without declaring it: add it to \`emits\``;
}

/** Form of the ids of emitted events. The ingress refuses such ids, since only functions give them. */
export const EMITTED_ID = /^emitted-[0-9a-f]{32}$/;

/**
 * Returns the id of an emitted event. An attempt that is repeated gives its emitted events the same ids, so that
 * JetStream drops the duplicates. Any other function, cause, type or position gives another id.
 *
 * @param cause The event that the function handles.
 * @param type Type of the emitted event.
 * @param position Index of the emitted event among those that the attempt emits.
 * @param originKey Key of the stored message of `cause`, if `cause` has no id. Default: `cause` has an id.
 */
export function emittedId(
  functionName: string,
  cause: { readonly source: string; readonly type: string; readonly id: string },
  type: string,
  position: number,
  originKey?: string,
): string {
  const named = [functionName, cause.source, cause.type, cause.id, type, position];
  if (originKey !== undefined) named.push(originKey);
  return `emitted-${sha256Hex(JSON.stringify(named), 32)}`;
}
