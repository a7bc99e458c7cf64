import { createHash } from "node:crypto";
import type { EmitOptions, HandlerContext, KvBucket, Log } from "../api/context.ts";
import { type EventDefinition, parserOf } from "../api/define_event.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import { describeValue } from "../project/option_schemas.ts";
import { issueText } from "../core/cloudevent.ts";
import type { OutgoingEvent, WeirEvent } from "../core/event.ts";
import type { CircuitBreaker } from "./circuit_breaker.ts";
import { DependencyCalls, type DependencyFailure } from "./dependency_breakers.ts";
import type { Clock, KvStore, Scope } from "./ports.ts";

/** What is around every invocation of one function. */
export interface Surroundings {
  readonly fn: ResolvedFunction;
  /** The breaker of a dependency, by name. */
  readonly breaker: (dependency: string) => CircuitBreaker;
  readonly kv: KvStore;
  readonly clock: Clock;
}

/** What is emitted is checked when it is, whatever the types said. */
type Emit = (event: EventDefinition, data: unknown, options?: EmitOptions) => void;

const NOTHING: readonly OutgoingEvent[] = [];

/**
 * The context of one invocation: it buffers what the handler emits until it is known to have returned.
 * Its functions are bound, since authors take them apart: `(event, { emit, log }) => …`. What it has is made when it is
 * first asked for, since most handlers use little of it, and every event has one: as properties of its own, which
 * `{ ...ctx }` would copy, the same things cost three microseconds an event, a third of all that it takes.
 */
export class InvocationContext implements HandlerContext {
  #emitted: OutgoingEvent[] | undefined;
  #emit: Emit | undefined;
  #calls: DependencyCalls | undefined;
  #abort: AbortController | undefined;
  #aborted: { reason: unknown } | undefined;
  #ended = false;

  constructor(
    readonly surroundings: Surroundings,
    readonly event: WeirEvent,
    readonly attempt: number,
    readonly scope: Scope,
  ) {}

  /** What it has emitted so far. */
  get emitted(): readonly OutgoingEvent[] {
    return this.#emitted ?? NOTHING;
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#aborted) this.#abort.abort(this.#aborted.reason);
    }
    return this.#abort.signal;
  }

  get log(): Log {
    return this.scope.log;
  }

  get span(): HandlerContext["span"] {
    return this.scope.span;
  }

  get emit(): Emit {
    return this.#emit ??= (event, data, options) => this.#add(event, data, options);
  }

  get dependency(): HandlerContext["dependency"] {
    return (name) => {
      const breaker = this.surroundings.breaker(name);
      return { call: (run) => this.#callsUnderWay().call(breaker, this.signal, run) };
    };
  }

  get kv(): HandlerContext["kv"] {
    return <Value>(bucket: string): KvBucket<Value> => this.surroundings.kv.bucket<Value>(bucket);
  }

  #add(event: EventDefinition, data: unknown, options: EmitOptions = {}): void {
    const { surroundings: { fn, clock }, event: cause } = this;
    const where = `${fn.name} emits ${event?.type}`;
    if (this.#ended) {
      throw new Error(`${where} after it returned: await whatever emits, so that it is published`);
    }
    if (!fn.emits.includes(event)) throw new TypeError(undeclared(fn, event));
    const parsed = parserOf(event)(data);
    if (!parsed.ok) {
      throw new TypeError(`${where} with data that its schema refuses: ${issueText(parsed.issues)}`);
    }
    const json = jsonOf(data, where);
    const emitted = this.#emitted ??= [];
    const id = options.id ?? emittedId(fn.name, cause, event.type, emitted.length);
    if (typeof id !== "string" || id === "") {
      throw new TypeError(
        `${where} with id ${describeValue(id)}: an id is text, or left out; by none it would be stored twice`,
      );
    }
    if (emitted.some((other) => other.id === id)) {
      throw new TypeError(`${where} with id "${id}", which it has emitted already: JetStream would drop one of them`);
    }
    emitted.push({
      id,
      type: event.type,
      source: `/functions/${fn.name}`,
      time: new Date(clock.now()).toISOString(),
      json,
    });
  }

  /** One that is asked for after the end refuses every call. */
  #callsUnderWay(): DependencyCalls {
    if (!this.#calls) {
      this.#calls = new DependencyCalls();
      if (this.#ended) this.#calls.end(false);
    }
    return this.#calls;
  }

  /** Tells the handler to stop. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#abort?.abort(reason);
  }

  /**
   * Nothing may be emitted any more, and calls still open are reported to their breakers. Returns the dependency
   * that it ran out of time in.
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

/** @throws {TypeError} for what is not JSON: a schema such as `z.unknown()` lets it through. */
function jsonOf(data: unknown, where: string): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (cause) {
    throw new TypeError(`${where} with data that is no JSON`, { cause });
  }
  if (json === undefined) throw new TypeError(`${where} without data: an event carries JSON, null at the least`);
  return json;
}

/** The id of an emitted event: the same for the same function, event, type and position, and for nothing else. */
export function emittedId(
  functionName: string,
  cause: { readonly source: string; readonly type: string; readonly id: string },
  type: string,
  position: number,
): string {
  const named = [functionName, cause.source, cause.type, cause.id, type, position];
  return createHash("sha256").update(JSON.stringify(named)).digest("hex").slice(0, 32);
}
