export type MaybePromise<Value> = Value | Promise<Value>;

/**
 * Continues with a value, synchronously when it is not a promise. Hot path: most events wait for nothing, and cost no
 * promise, see bench.
 */
export function then<Value, Next>(
  value: MaybePromise<Value>,
  next: (value: Value) => MaybePromise<Next>,
): MaybePromise<Next> {
  return value instanceof Promise ? value.then(next) : next(value);
}
