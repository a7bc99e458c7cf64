import assert from "node:assert/strict";
import type { RevisionFailure, RevisionProcess } from "../../runtime/dev/revision_process.ts";
import { Revisions } from "../../runtime/dev/revisions.ts";
import type { ProjectSummary } from "../../runtime/dev/messages.ts";

const PROJECT: ProjectSummary = { functions: [], ingress: [], warnings: [] };
const ADDRESS = { url: "http://127.0.0.1:1", adminUrl: "http://127.0.0.1:2" };
const HANGS = new Promise<never>(() => {});

type Load = (number: number) => Promise<ProjectSummary | RevisionFailure>;
/** A process that records the calls to it. */
interface FakeProcess {
  readonly calls: string[];
  killed: boolean;
  busy: boolean;
  readonly kill: () => void;
}

/** Creates revisions whose processes load as `load` says for their number, from 1. */
function setup(load: Load = () => Promise.resolve(PROJECT), canRollBack = false, supersededLoadMs?: number) {
  const spawned: FakeProcess[] = [];
  const spawn = (): RevisionProcess => {
    const number = spawned.length + 1, { promise: exited, resolve } = Promise.withResolvers<string>();
    const fake: FakeProcess = {
      calls: [],
      killed: false,
      busy: false,
      kill: () => {
        fake.killed = true;
        resolve("was killed by SIGKILL");
      },
    };
    spawned.push(fake);
    const failure = exited.then((how): RevisionFailure => ({ problems: [how], exited: true }));
    return {
      exited,
      example: () => Promise.resolve(undefined),
      load: () => fake.killed ? failure : Promise.race([load(number), failure]),
      start: () => {
        if (fake.killed) return failure;
        fake.calls.push("start");
        return Promise.resolve(ADDRESS);
      },
      standby: () => void fake.calls.push("standby"),
      responds: () => Promise.resolve(true),
      busy: () => Promise.resolve(fake.busy),
      stop: () => {
        fake.calls.push("stop");
        fake.kill();
        return Promise.resolve();
      },
      kill: fake.kill,
    };
  };
  const route = () => Promise.resolve(), onExit = () => {};
  const revisions = new Revisions({ spawn, route, onExit, graceMs: 0, canRollBack, supersededLoadMs });
  return { revisions, spawned, calls: () => spawned.map(({ calls }) => calls) };
}

/** Creates three revisions, each live after the other. */
async function threeRevisions() {
  const created = setup(undefined, true);
  for (let i = 0; i < 3; i++) await created.revisions.reload();
  return created;
}

Deno.test("Revisions.reload replaces a spare that exited while it waited", async () => {
  const { revisions, spawned } = setup();
  await revisions.reload();
  const reload = revisions.reload();
  spawned[1].kill(); // before it receives the command to load
  assert.equal((await reload).kind, "live");
  assert.equal(spawned.length, 4); // the first, the one that exited, its replacement, a spare
});

Deno.test("Revisions.reload fails if the process exits at each load", async () => {
  const exits = { problems: ["exited with code 3"], exited: true };
  const { revisions } = setup((number) => Promise.resolve(number === 1 ? PROJECT : exits));
  await revisions.reload();
  assert.deepEqual(await revisions.reload(), { kind: "failed", problems: exits.problems });
});

Deno.test("Revisions.supersedeLoad aborts a long load without a problem", async () => {
  const { revisions, spawned } = setup((number) => number === 2 ? HANGS : Promise.resolve(PROJECT));
  await revisions.reload();
  const endless = revisions.reload();
  await Promise.resolve();
  revisions.supersedeLoad();
  const next = revisions.reload();
  assert.deepEqual(await endless, { kind: "failed", problems: [] });
  assert.equal(spawned[1].killed, true);
  assert.equal((await next).kind, "live");
});

Deno.test("Revisions.supersedeLoad lets a load take twice as long as one that it has aborted", async () => {
  const slow = () => new Promise<ProjectSummary>((resolve) => setTimeout(() => resolve(PROJECT), 60));
  const { revisions } = setup((number) => number === 1 ? Promise.resolve(PROJECT) : slow(), false, 50);
  await revisions.reload();
  const kinds: string[] = [];
  for (let save = 0; save < 4; save++) {
    const reload = revisions.reload();
    await Promise.resolve();
    revisions.supersedeLoad();
    kinds.push((await reload).kind);
  }
  assert.deepEqual(kinds, ["failed", "live", "failed", "live"]);
});

Deno.test("Revisions.accept stops the revision on standby; those in between stopped at once", async () => {
  const { revisions, calls } = await threeRevisions();
  await Promise.resolve(); // until the requests are answered
  assert.deepEqual(calls(), [["start", "standby"], ["start", "stop"], ["start"], []]);
  revisions.accept();
  await Promise.resolve();
  assert.deepEqual(calls(), [["start", "standby", "stop"], ["start", "stop"], ["start"], []]);
  assert.equal(await revisions.rollBack(), undefined);
});

Deno.test("Revisions.rollBack restarts the revision on standby and stops the current one, each time", async () => {
  const { revisions, calls } = await threeRevisions();
  assert.equal((await revisions.rollBack())?.kind, "live");
  await Promise.resolve();
  assert.deepEqual(calls(), [["start", "standby", "start"], ["start", "stop"], ["start", "stop"], []]);
  await revisions.reload();
  await revisions.rollBack();
  assert.deepEqual(calls()[0], ["start", "standby", "start", "standby", "start"]);
});

Deno.test("Revisions.rollBack does nothing once the revision on standby has exited by itself", async () => {
  const { revisions, spawned } = await threeRevisions();
  spawned[0].kill();
  await Promise.resolve();
  assert.equal(await revisions.rollBack(), undefined);
  assert.equal(revisions.running, true);
});

Deno.test("Revisions without canRollBack stop the previous revision at once", async () => {
  const { revisions, calls } = setup();
  for (let i = 0; i < 2; i++) await revisions.reload();
  await Promise.resolve();
  assert.deepEqual(calls(), [["start", "stop"], ["start"], []]);
  assert.equal(await revisions.rollBack(), undefined);
});

Deno.test("Revisions.stop lets started revisions finish, kills one that loads, and starts no other", async () => {
  const { revisions, spawned } = setup((number) => number === 2 ? HANGS : Promise.resolve(PROJECT));
  await revisions.reload();
  const loading = revisions.reload();
  await Promise.resolve();
  spawned[0].busy = true;
  assert.equal(await revisions.busy(), true);
  spawned[0].busy = false;
  spawned[1].busy = true; // a module that computes is no handler
  assert.equal(await revisions.busy(), false);
  await revisions.stop();
  assert.deepEqual(await loading, { kind: "failed", problems: ["was killed by SIGKILL"] });
  assert.deepEqual(await revisions.reload(), { kind: "failed", problems: [] });
  assert.deepEqual(spawned.map(({ killed }) => killed), [true, true]);
});

Deno.test("Revisions.idle is false while a revision loads or is live", async () => {
  const loaded = Promise.withResolvers<ProjectSummary>();
  const { revisions } = setup((number) => number === 1 ? Promise.resolve({ problems: ["a fault"] }) : loaded.promise);
  assert.equal(revisions.idle, true);
  await revisions.reload();
  assert.equal(revisions.idle, true);
  const reload = revisions.reload();
  assert.equal(revisions.idle, false);
  loaded.resolve(PROJECT);
  await reload;
  assert.equal(revisions.idle, false);
});
