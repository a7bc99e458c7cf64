/** Returns values that a handler may throw, reject with or return, and that break careless readers. */
export function strangeValues(): Record<string, unknown> {
  const fail = () => {
    throw new Error("a getter threw");
  };
  const getter = (name: string, base: object = new Error("no")) => Object.defineProperty(base, name, { get: fail });
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  return {
    "an error whose `cause` getter throws": getter("cause"),
    "an error whose `message` getter throws": getter("message"),
    "an error whose `name` getter throws": getter("name"),
    "an error whose `stack` getter throws": getter("stack"),
    "an error whose `code` getter throws": getter("code"),
    "an aggregate whose `errors` getter throws": getter("errors", new AggregateError([], "all")),
    "an error without a prototype": Object.setPrototypeOf(new Error("no"), null),
    "an error whose message is a symbol": Object.assign(new Error(), { message: Symbol("no") }),
    "an error whose name is a number": Object.assign(new Error("no"), { name: 7 }),
    "an object whose `message` getter throws": getter("message", {}),
    "an object whose `toJSON` throws": { toJSON: fail },
    "an object whose `toString` throws": { toString: fail, [Symbol.toPrimitive]: fail },
    "an object without a prototype": Object.create(null),
    "a proxy whose traps throw": new Proxy({}, { get: fail, getPrototypeOf: fail, has: fail, ownKeys: fail }),
    "a revoked proxy": revoked.proxy,
    "an object that only inherits from Response": Object.create(Response.prototype),
    "an object that only inherits from Event": Object.create(Event.prototype),
    "an Event whose message is a symbol": Object.assign(new Event("no"), { message: Symbol("no") }),
    "an error whose number of `errors` is a symbol": Object.assign(new Error("no"), { errors: { length: Symbol() } }),
    "an aggregate whose `errors` has a `slice` of its own": Object.assign(new Error("no"), {
      errors: Object.assign([], { slice: () => 5 }),
    }),
    "a frozen error": Object.freeze(new Error("no")),
    "a function": fail,
    "a promise": Promise.resolve(1),
    "a Response whose body was read": Response.json({}),
  };
}
