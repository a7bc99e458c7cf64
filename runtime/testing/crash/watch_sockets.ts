import { Socket } from "node:net";
import { SimulatedProcess } from "./simulated_process.ts";

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Functions through which a handler reaches a service by TCP: drivers of databases use one of them. */
const CALLS: readonly (readonly [object: object, key: string])[] = [
  [Deno, "connect"],
  [Deno, "connectTls"],
  [Socket.prototype, "connect"],
  [Socket.prototype, "write"],
];

let users = 0, undo: readonly (() => void)[] = [];

/**
 * Records that a handler in a trial uses TCP: an effect of it shows in no bucket and no event. It is no crash point, since
 * what a driver sends is only known to its methods, for which there is `watch`. Returns the undo.
 */
export function watchSockets(): () => void {
  if (users++ === 0) undo = CALLS.map(([object, key]) => record(object as Record<string, Method>, key));
  return () => {
    if (--users === 0) undo.forEach((restore) => restore());
  };
}

function record(object: Record<string, Method>, key: string): () => void {
  const own = Object.getOwnPropertyDescriptor(object, key), real = object[key];
  const value: Method = function (this: unknown, ...args) {
    SimulatedProcess.current()?.plan.outside.add("a TCP connection");
    return Reflect.apply(real, this, args);
  };
  Object.defineProperty(object, key, {
    value,
    configurable: true,
    writable: true,
    enumerable: own?.enumerable ?? false,
  });
  return () => {
    if (own) Object.defineProperty(object, key, own);
    else delete object[key];
  };
}
