import assert from "node:assert/strict";
import type { RevisionFailure, RevisionProcess } from "../../runtime/dev/revision_process.ts";
import { Revisions } from "../../runtime/dev/revisions.ts";
import type { ProjectSummary } from "../../runtime/dev/messages.ts";

const LOADED: ProjectSummary = { functions: [], ingress: [], warnings: [] };
const ADDRESS = { url: "http://127.0.0.1:1", adminUrl: "http://127.0.0.1:2" };

/** Generations whose processes do what `load` says, given which of them it is. What is done to each is noted. */
function setup(
  load: (number: number) => Promise<ProjectSummary | RevisionFailure> = () => Promise.resolve(LOADED),
  mayGoBack = false,
) {
  const spawned: { readonly kill: () => void; killed: boolean; readonly done: string[]; busy: boolean }[] = [];
  const spawn = (): RevisionProcess => {
    const number = spawned.length + 1, { promise: ended, resolve } = Promise.withResolvers<string>();
    const done: string[] = [], note = (what: string) => void done.push(what);
    const own = { killed: false, busy: false, done, kill: () => (own.killed = true, resolve("was ended by SIGKILL")) };
    spawned.push(own);
    const dead = ended.then((how): RevisionFailure => ({ problems: [how], ended: true }));
    return {
      pid: number,
      ended,
      example: () => Promise.resolve(undefined),
      load: () => own.killed ? dead : Promise.race([load(number), dead]),
      go: () => Promise.resolve(own.killed ? { problems: ["gone"] } : (note("go"), ADDRESS)),
      rest: () => note("rest"),
      busy: () => Promise.resolve(own.busy),
      stop: () => Promise.resolve((note("stop"), own.kill())),
      kill: own.kill,
    };
  };
  const generations = new Revisions({ spawn, route: () => Promise.resolve(), died: () => {}, graceMs: 0, mayGoBack });
  return { generations, spawned, next: () => generations.next() };
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

/** Three versions, each live after the other. */
async function threeVersions() {
  const world = setup(undefined, true);
  for (let i = 0; i < 3; i++) await world.next();
  return world;
}
const doneTo = (spawned: readonly { readonly done: string[] }[]) => spawned.map(({ done }) => done);

Deno.test("Generations.accept ends the version that rests; those in between end at once", async () => {
  const { generations, spawned } = await threeVersions();
  await Promise.resolve(); // until the requests are answered
  assert.deepEqual(doneTo(spawned), [["go", "rest"], ["go", "stop"], ["go"], []]);
  generations.accept();
  await Promise.resolve();
  assert.deepEqual(doneTo(spawned), [["go", "rest", "stop"], ["go", "stop"], ["go"], []]);
  assert.equal(await generations.goBack(), undefined);
});

Deno.test("Generations.goBack runs the version that rests again and ends the one that ran, as often as need be", async () => {
  const { generations, next, spawned } = await threeVersions();
  assert.equal((await generations.goBack())?.kind, "live");
  await Promise.resolve();
  assert.deepEqual(doneTo(spawned), [["go", "rest", "go"], ["go", "stop"], ["go", "stop"], []]);
  await next();
  await generations.goBack();
  assert.deepEqual(doneTo(spawned)[0], ["go", "rest", "go", "rest", "go"]);
});

Deno.test("Generations.goBack has nothing to go back to once the version that rests has ended by itself", async () => {
  const { generations, spawned } = await threeVersions();
  spawned[0].kill();
  await Promise.resolve();
  assert.equal(await generations.goBack(), undefined);
  assert.equal(generations.running, true);
});

Deno.test("Generations without mayGoBack ends the version before at once", async () => {
  const { generations, next, spawned } = setup();
  for (let i = 0; i < 2; i++) await next();
  await Promise.resolve();
  assert.deepEqual(doneTo(spawned), [["go", "stop"], ["go"], []]);
  assert.equal(await generations.goBack(), undefined);
});

Deno.test("Generations.stop lets those finish that ran, kills what only loads, and starts none after", async () => {
  const { generations, next, spawned } = setup((number) =>
    number === 2 ? new Promise(() => {}) : Promise.resolve(LOADED)
  );
  await next();
  const loading = next();
  await Promise.resolve();
  spawned[0].busy = true;
  assert.equal(await generations.busy(), true);
  spawned[0].busy = false;
  spawned[1].busy = true; // a module that computes is no handler
  assert.equal(await generations.busy(), false);
  await generations.stop();
  assert.deepEqual(await loading, { kind: "refused", problems: ["was ended by SIGKILL"] });
  assert.deepEqual(await next(), { kind: "refused", problems: [] });
  assert.deepEqual(spawned.map(({ killed }) => killed), [true, true]);
});
