import { Socket } from "node:net";
import { SimulatedProcess } from "./simulated_process.ts";

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Call = readonly [object: object, key: string, what: string];

const TCP = "a TCP connection";
/** Functions by which a handler reaches a service through a socket. Every driver of a database uses one of these. */
const CALLS: readonly Call[] = [
  [Deno, "connect", TCP],
  [Deno, "connectTls", TCP],
  [Socket.prototype, "connect", TCP],
  [Socket.prototype, "write", TCP],
  [WebSocket.prototype, "send", "a WebSocket"],
];

let users = 0, undo: readonly (() => void)[] = [];
/** The `write` of Deno's connections, of a client that connected before the trial. */
let writes: Promise<readonly Call[]> | undefined;

/**
 * Records that a handler in a trial uses a socket, since the effect of that shows in no bucket and no event. The use is
 * not a crash point: only the methods of a driver know what it sends, and `watch` covers those. Returns a function that
 * undoes the patch.
 */
export async function watchSockets(): Promise<() => void> {
  const calls = [...CALLS, ...await (writes ??= writesOfDeno())];
  if (users++ === 0) undo = calls.map(([object, key, what]) => record(object as Record<string, Method>, key, what));
  return () => {
    if (--users === 0) undo.forEach((restore) => restore());
  };
}

/**
 * Finds the class of Deno's connections. The class has no name, so a connection is opened to get it. Without permission
 * for that, a handler cannot connect either, and nothing has to be watched.
 */
async function writesOfDeno(): Promise<readonly Call[]> {
  const hostname = "127.0.0.1", { state } = Deno.permissions.querySync({ name: "net", host: hostname });
  if (state !== "granted") return [];
  using listener = Deno.listen({ hostname, port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const [connection, accepted] = await Promise.all([Deno.connect({ hostname, port }), listener.accept()]);
  connection.close();
  accepted.close();
  return [[Object.getPrototypeOf(Object.getPrototypeOf(connection)), "write", TCP]];
}

function record(object: Record<string, Method>, key: string, what: string): () => void {
  const own = Object.getOwnPropertyDescriptor(object, key), real = object[key];
  const value: Method = function (this: unknown, ...args) {
    SimulatedProcess.current()?.plan.outside.add(what);
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
