import { createHash } from "node:crypto";
import type { Dependency, EmitOptions, HandlerContext, KvBucket, Log } from "../authoring/context.ts";
import { type EventDefinition, parserOf } from "../authoring/define_event.ts";
import type { BoundFunction } from "../authoring/bind_function.ts";
import { issueText } from "../rules/decode.ts";
import type { OutgoingEvent, WeirEvent } from "../nouns/event.ts";
import type { CircuitBreaker } from "./circuit_breaker.ts";
import { DependencyCalls, type DependencyFailure } from "./dependencies.ts";
import type { Clock, KvStore, Scope } from "./ports.ts";

/** What a context is made of. */
export interface ContextParts {
  readonly fn: BoundFunction;
  readonly event: WeirEvent;
  readonly attempt: number;
  readonly scope: Scope;
  /** The breaker of a dependency, by name. */
  readonly breaker: (dependency: string) => CircuitBreaker;
  readonly kv: KvStore;
  readonly clock: Clock;
}

/**
 * The context of one invocation: it buffers what the handler emits until it is known to have returned.
 * Its functions are bound, since authors take them apart: `(event, { emit, log }) => …`.
 */
export class InvocationContext implements HandlerContext {
  readonly emitted: OutgoingEvent[] = [];
  readonly #parts: ContextParts;
  readonly #calls = new DependencyCalls();
  #abort: AbortController | undefined;
  #aborted: { reason: unknown } | undefined;
  #ended = false;

  constructor(parts: ContextParts) {
    this.#parts = parts;
  }

  /** Made when first asked for: most handlers never do, and it is not free. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#aborted) this.#abort.abort(this.#aborted.reason);
    }
    return this.#abort.signal;
  }

  get attempt(): number {
    return this.#parts.attempt;
  }

  get log(): Log {
    return this.#parts.scope.log;
  }

  get span(): HandlerContext["span"] {
    return this.#parts.scope.span;
  }

  readonly emit = (event: EventDefinition, data: unknown, options: EmitOptions = {}): void => {
    const { fn, event: cause, clock } = this.#parts;
    const where = `${fn.name} emits ${event?.type}`;
    if (this.#ended) {
      throw new Error(`${where} after it returned: await whatever emits, so that it is published`);
    }
    if (!fn.emits.includes(event)) throw new TypeError(`${where} without declaring it: add it to \`emits\``);
    const parsed = parserOf(event)(data);
    if (!parsed.ok) {
      throw new TypeError(`${where} with data that its schema refuses: ${issueText(parsed.issues)}`);
    }
    const json: string | undefined = JSON.stringify(data);
    if (json === undefined) throw new TypeError(`${where} without data: an event carries JSON, null at the least`);
    const id = options.id ?? emittedId(fn.name, cause, event.type, this.emitted.length);
    if (this.emitted.some((other) => other.id === id)) {
      throw new TypeError(`${where} with id "${id}", which it has emitted already: JetStream would drop one of them`);
    }
    this.emitted.push({
      id,
      type: event.type,
      source: `/functions/${fn.name}`,
      time: new Date(clock.now()).toISOString(),
      json,
    });
  };

  readonly dependency = (name: string): Dependency => {
    const breaker = this.#parts.breaker(name);
    return { call: (run) => this.#calls.call(breaker, this.signal, run) };
  };

  readonly kv = <Value>(bucket: string): KvBucket<Value> => this.#parts.kv.bucket<Value>(bucket);

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
    return this.#calls.end(timedOut);
  }
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
