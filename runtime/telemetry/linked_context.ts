import type { Context } from "@opentelemetry/api";

/**
 * A context as a chain of single values, the newest first. The API's own copies a map for each value that is set, which
 * for every event is 0.3 µs; an event's context has one value or two, and so is as quickly read.
 */
class LinkedContext implements Context {
  constructor(readonly rest: Context | undefined, readonly key: symbol, readonly value: unknown) {}

  getValue(key: symbol): unknown {
    return key === this.key ? this.value : this.rest?.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return new LinkedContext(this, key, value);
  }

  deleteValue(key: symbol): Context {
    return new LinkedContext(this, key, undefined);
  }
}

/** A context without any value, to begin from. */
export const EMPTY_CONTEXT: Context = new LinkedContext(undefined, Symbol("nothing"), undefined);
