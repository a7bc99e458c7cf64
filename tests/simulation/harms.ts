import type { Ask, Reply } from "./link.ts";
import type { Replica } from "./replica.ts";
import { nameOf, remove, type World } from "./world.ts";

/** Something goes wrong, if chance has it; false: nothing did. */
export function harm(world: World): boolean {
  const { random, settings, asks, replies, replicas } = world;
  for (const kind of settings.harms) {
    if (!random.chance(settings.harmful)) continue;
    const replica = replicas.length > 0 ? random.pick(replicas) : undefined;
    switch (kind) {
      case "fail":
      case "unanswered":
        if (asks.length === 0) continue;
        fail(world, random.pick(asks), kind === "unanswered");
        return true;
      case "lose":
        if (replies.length === 0) continue;
        lose(world, random.pick(replies));
        return true;
      case "late":
        if (replies.length === 0 && asks.length === 0) continue;
        world.advance();
        return true;
      case "crash":
        if (!replica) continue;
        die(world, replica);
        return true;
      case "stop":
        if (replica?.state !== "up") continue;
        stop(world, replica);
        return true;
      case "cut":
        if (replica?.link.state !== "up") continue;
        cut(world, replica);
        return true;
    }
  }
  return false;
}

export function fail(world: World, ask: Ask, applied: boolean): void {
  world.trace?.(`${ask.what}: ${applied ? "done, but not answered" : "fails"}`);
  remove(world.asks, ask);
  world.ledger.fault(ask.about());
  if (applied) ask.apply();
  ask.fail();
}

function lose(world: World, reply: Reply): void {
  world.trace?.(`lost: ${nameOf(reply)}`);
  remove(world.replies, reply);
}

function stop(world: World, replica: Replica): void {
  world.trace?.(`${replica.name} is told to stop`);
  replica.stop(world.settings.graceMs);
}

export function die(world: World, replica: Replica): void {
  world.trace?.(`${replica.name} dies`);
  replica.die();
  settleNetworkOf(world, replica);
  exit(world, replica);
}

/** A process ends: what it still asks for may get to the server, but nobody waits for the answer. */
export function exit(world: World, replica: Replica): void {
  for (const ask of world.asks.filter(({ link }) => link === replica.link)) {
    if (world.random.chance(0.5)) ask.apply();
    world.ledger.fault(ask.about());
    remove(world.asks, ask);
  }
  for (const run of world.runs.filter((run) => run.replica === replica)) remove(world.runs, run);
  remove(world.replicas, replica);
}

function cut(world: World, replica: Replica): void {
  world.trace?.(`${replica.name} loses its connection`);
  replica.cut();
  settleNetworkOf(world, replica);
  for (const ask of world.asks.filter(({ link, repeats }) => link === replica.link && !repeats)) {
    fail(world, ask, world.random.chance(0.5));
  }
}

export function reconnect(world: World, replica: Replica): void {
  world.trace?.(`${replica.name} is connected again`);
  replica.reconnect(world.random.below(30_000));
}

/** What was on its way from a process that is no more, or on its connection: some of it still got there. */
function settleNetworkOf(world: World, replica: Replica): void {
  for (const reply of world.replies.filter(({ link }) => link === replica.link)) {
    remove(world.replies, reply);
    if (world.random.chance(0.5)) world.take(reply);
    else world.trace?.(`lost: ${nameOf(reply)}`);
  }
}
