import { die, exit, fail, harm, reconnect } from "./harms.ts";
import type { Run } from "./handlers.ts";
import type { Replica } from "./replica.ts";
import type { World } from "./world.ts";

/** How many turns of the event loop's microtasks a step is given; what takes more goes on during the next step. */
const TURNS = 16;
/** So many steps without a fault are enough for every wait there may be. */
const CALM_STEPS = 3_000;

/** Does one thing after the other, as chance has it: first with faults, then without until nothing is left to do. */
export async function schedule(world: World): Promise<"quiet" | "stuck"> {
  await turns(TURNS);
  for (let left = world.settings.faultySteps; left > 0; left--) {
    if (!harm(world)) proceed(world, true);
    await turns(TURNS);
  }
  world.calm = true;
  world.trace?.("from here on nothing goes wrong");
  for (const replica of world.replicas) if (replica.link.state === "cut") reconnect(world, replica);
  for (let left = CALM_STEPS; left > 0; left--) {
    if (world.replicas.length === 0) world.start();
    await turns(TURNS);
    if (world.quiet()) {
      await turns(3 * TURNS);
      if (world.quiet()) return "quiet";
    }
    proceed(world, false);
    tidy(world);
  }
  return "stuck";
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await null;
}

/** One step of the ordinary kind. In a hurry nothing waits that can go on. */
function proceed(world: World, dawdling: boolean): void {
  tidy(world);
  const { asks, replies, random } = world;
  const steps: (() => void)[] = [];
  for (const ask of asks) {
    if (ask.link.state !== "up") continue;
    steps.push(() => dawdling && !ask.applied && random.chance(0.3) ? world.reach(ask) : world.answer(ask));
  }
  // A connection keeps its order, but two of them do not keep each other's; and seldom even one is overtaken.
  for (const reply of replies.length > 1 && random.chance(0.1) ? [random.pick(replies)] : replies.slice(0, 1)) {
    steps.push(() => {
      replies.splice(replies.indexOf(reply), 1);
      world.take(reply);
    });
  }
  for (const run of world.runs) if (mayFinish(world, run)) steps.push(() => finish(world, run));
  for (const replica of world.replicas) steps.push(...deliveries(world, replica));
  if (steps.length === 0 || (dawdling && random.chance(0.1))) steps.splice(0, Infinity, () => void world.advance());
  random.pick(steps)();
}

/** What ends or begins by itself. */
function tidy(world: World): void {
  for (const ask of world.asks.filter(({ link }) => link.state === "cut")) {
    if (ask.overdue()) fail(world, ask, false);
  }
  for (const replica of [...world.replicas]) {
    if (replica.state === "gone") exit(world, replica);
    else if (replica.link.state === "cut" && (world.calm || world.random.chance(0.2))) reconnect(world, replica);
  }
  if (world.replicas.length < world.settings.replicas && world.random.chance(0.2)) world.start();
}

function mayFinish(world: World, { account: { plan, failures }, notBeforeMs }: Run): boolean {
  const hangs = plan.trouble === "hangs" && failures < plan.times;
  return !hangs && world.now() >= notBeforeMs;
}

function finish(world: World, run: Run): void {
  const { account, replica } = run;
  if (account.plan.trouble === "kills" && account.kills < account.plan.times) {
    account.kills++;
    die(world, replica);
    return;
  }
  world.runs.splice(world.runs.indexOf(run), 1);
  run.finish();
}

function deliveries(world: World, replica: Replica): (() => void)[] {
  if (replica.link.state !== "up") return [];
  const steps: (() => void)[] = [];
  for (const source of replica.sources) {
    if (source.onItsWay.length > 0) steps.push(() => source.arrive());
    if (source.owed > 0 && world.consumers[source.stream].hasNext(world.now())) {
      steps.push(() => {
        world.handOut(replica, source);
        if (world.random.chance(world.settings.promptly) && source.onItsWay.length > 0) source.arrive();
      });
    }
  }
  return steps;
}
