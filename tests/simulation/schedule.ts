import { end, fail, injectFault, kill, reconnect } from "./faults.ts";
import type { Run } from "./handlers.ts";
import type { Replica } from "./replica.ts";
import type { World } from "./world.ts";

/**
 * Microtasks that run after a step. Longer chains of promises continue in the next step, except from a start of a rate to
 * its handler, between which no time passes.
 */
const MICROTASKS = 16, MICROTASKS_OF_RATE = 100;
/**
 * Steps without a fault after which a schedule is stuck: more than the longest chain of retries needs. The passing of time,
 * which heartbeats of 50 ms cut into many steps, has a limit of its own.
 */
const CALM_STEPS = 3_000, CALM_MS = 7_200_000;

/** Takes random steps: first with faults, then without, until the world is quiet. */
export async function schedule(world: World): Promise<"quiet" | "stuck"> {
  const each = world.settings.rateLimit > 0 ? MICROTASKS_OF_RATE : MICROTASKS;
  await runMicrotasks(each);
  for (let left = world.settings.faultySteps; left > 0; left--) {
    if (injectFault(world)) world.disturbed = true;
    else step(world, true);
    await runMicrotasks(each);
  }
  world.calm = true;
  world.trace?.("no more faults");
  for (const replica of world.replicas) if (replica.connection.state === "cut") reconnect(world, replica);
  const { releases } = world.settings, endMs = world.now() + CALM_MS;
  for (let left = CALM_STEPS; left > 0 && world.now() < endMs;) {
    // The deploy goes on: without a process of the last release its events would end as those of no release.
    if (!world.replicas.some(({ release, state }) => release === releases && state === "up")) world.start(releases);
    await runMicrotasks(each);
    if (world.quiet()) {
      await runMicrotasks(3 * each);
      if (world.quiet()) return "quiet";
    }
    const beforeMs = world.now();
    step(world, false);
    if (world.now() === beforeMs) left--;
    updateReplicas(world);
  }
  return "stuck";
}

async function runMicrotasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await null;
}

/** Takes a random step without a fault. @param slow also delays responses, and lets time pass before it must */
function step(world: World, slow: boolean): void {
  updateReplicas(world);
  if (world.mayRenew) return world.renew();
  const { requests, acks, random } = world;
  const steps: (() => void)[] = [];
  for (const request of requests) {
    if (request.connection.state !== "up") continue;
    if (request.connection.isFrozen) {
      if (!request.processed) steps.push(() => world.processRequest(request));
      continue;
    }
    steps.push(() =>
      slow && !request.processed && random.chance(0.3) ? world.processRequest(request) : world.respond(request)
    );
  }
  // Acks of one connection arrive in order. Those of two connections do not, so sometimes a random one is next.
  for (const ack of acks.length > 1 && random.chance(0.1) ? [random.pick(acks)] : acks.slice(0, 1)) {
    steps.push(() => {
      acks.splice(acks.indexOf(ack), 1);
      world.processAck(ack);
    });
  }
  for (const run of world.runs) if (mayFinish(world, run)) steps.push(() => finish(world, run));
  for (const replica of world.replicas) steps.push(...deliveries(world, replica));
  if (random.chance(0.2)) steps.push(...world.operator.steps());
  if (steps.length === 0 || (slow && random.chance(0.1))) {
    world.disturbed ||= steps.length > 0;
    steps.splice(0, Infinity, () => void world.advance());
  }
  random.pick(steps)();
}

/** Fails overdue requests, removes ended processes, reconnects, and starts missing replicas. */
function updateReplicas(world: World): void {
  for (const request of world.requests.filter(({ connection }) => connection.state === "cut")) {
    if (request.overdue()) fail(world, request, false);
  }
  for (const replica of [...world.replicas]) {
    replica.thawIfDue();
    if (replica.state === "gone") end(world, replica);
    else if (replica.connection.state === "cut" && (world.calm || world.random.chance(0.2))) reconnect(world, replica);
  }
  if (world.replicas.length < world.settings.replicas && world.random.chance(0.2)) world.start();
}

function mayFinish(world: World, { account: { plan, failures }, notBeforeMs, replica }: Run): boolean {
  if (replica.isFrozen) return false;
  const hangs = plan.trouble === "hangs" && failures < plan.times;
  return !hangs && world.now() >= notBeforeMs;
}

function finish(world: World, run: Run): void {
  const { account, replica } = run;
  if (account.plan.trouble === "kills" && account.kills < account.plan.times) {
    account.kills++;
    kill(world, replica);
    return;
  }
  world.runs.splice(world.runs.indexOf(run), 1);
  run.finish();
}

function deliveries(world: World, replica: Replica): (() => void)[] {
  if (replica.connection.state !== "up") return [];
  const steps: (() => void)[] = [];
  for (const consumer of replica.consumers) {
    if (consumer.inTransit.length > 0 && !replica.isFrozen) steps.push(() => consumer.deliverNext());
    const server = world.serverConsumers[consumer.key];
    if (consumer.pulled > 0 && server.hasNext(world.now())) {
      const serves = server.serves(consumer.pulledAs, world.now());
      if (serves === "wrong" && !replica.isFrozen) steps.push(() => consumer.refused());
      if (serves !== true) continue;
      steps.push(() => {
        world.deliver(replica, consumer);
        if (
          !replica.isFrozen && world.random.chance(world.settings.promptProbability) && consumer.inTransit.length > 0
        ) {
          consumer.deliverNext();
        }
      });
    }
  }
  return steps;
}
