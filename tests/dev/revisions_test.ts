import assert from "node:assert/strict";
import type { GenerationProcess, Refused } from "../../runtime/dev/revision_process.ts";
import { Generations } from "../../runtime/dev/revisions.ts";
import type { Loaded } from "../../runtime/dev/messages.ts";

const LOADED: Loaded = { functions: [], ingress: [], warnings: [] };
const ADDRESS = { url: "http://127.0.0.1:1", adminUrl: "http://127.0.0.1:2" };

/** Generations whose processes do what `load` says, given which of them it is. */
function setup(load: (number: number) => Promise<Loaded | Refused> = () => Promise.resolve(LOADED)) {
  const spawned: { readonly kill: () => void; killed: boolean }[] = [];
  const spawn = (): GenerationProcess => {
    const number = spawned.length + 1, { promise: ended, resolve } = Promise.withResolvers<string>();
    const own = { killed: false, kill: () => (own.killed = true, resolve("was ended by SIGKILL")) };
    spawned.push(own);
    const dead = ended.then((how): Refused => ({ problems: [how], ended: true }));
    return {
      pid: number,
      ended,
      example: () => Promise.resolve(undefined),
      load: () => own.killed ? dead : Promise.race([load(number), dead]),
      go: () => Promise.resolve(ADDRESS),
      stop: () => Promise.resolve(own.kill()),
      kill: own.kill,
    };
  };
  const generations = new Generations({ spawn, route: () => Promise.resolve(), died: () => {}, graceMs: 0 });
  return { generations, spawned, next: () => generations.next(() => Promise.resolve([])) };
}

Deno.test("a spare that ended while it waited is told to load in vain: another one does it", async () => {
  const { next, spawned } = setup();
  await next();
  const turn = next();
  spawned[1].kill(); // just before its turn: nobody has heard of its end
  assert.equal((await turn).kind, "live");
  assert.equal(spawned.length, 4); // the first, the one that ended, the one in its place, a spare
});

Deno.test("a load that ends the process every time is refused", async () => {
  const refused = (number: number) =>
    Promise.resolve(number === 1 ? LOADED : { problems: ["ended with 3"], ended: true });
  const { next } = setup(refused);
  await next();
  assert.deepEqual(await next(), { kind: "refused", problems: ["ended with 3"] });
});

Deno.test("a load that goes on for long ends when the files change, without a word", async () => {
  const { generations, next, spawned } = setup((number) =>
    number === 2 ? new Promise(() => {}) : Promise.resolve(LOADED)
  );
  await next();
  const endless = next();
  await Promise.resolve();
  generations.overtaken();
  const mended = next();
  assert.deepEqual(await endless, { kind: "refused", problems: [] });
  assert.equal(spawned[1].killed, true);
  assert.equal((await mended).kind, "live");
});
