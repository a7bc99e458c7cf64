import type { Ack, Request } from "./sim_connection.ts";
import type { Replica } from "./replica.ts";
import { describeAck, remove, type World } from "./world.ts";

/** How long a replica may stand still: for less than its leases last, for longer, and for several ack waits. */
const FREEZES_MS = [4_000, 12_000, 20_000, 50_000];

/** Injects a random fault. Returns false if it injected none. */
export function injectFault(world: World): boolean {
  const { random, settings, acks, replicas } = world;
  const requests = world.requests.filter(({ connection }) => !connection.isFrozen);
  for (const kind of settings.faultKinds) {
    if (!random.chance(settings.faultProbability)) continue;
    const replica = replicas.length > 0 ? random.pick(replicas) : undefined;
    switch (kind) {
      case "fail":
      case "no-response":
        if (requests.length === 0) continue;
        fail(world, random.pick(requests), kind === "no-response");
        return true;
      case "freeze":
        if (!freeze(world)) continue;
        return true;
      case "drop":
        if (acks.length === 0) continue;
        drop(world, random.pick(acks));
        return true;
      case "delay":
        if (acks.length === 0 && requests.length === 0) continue;
        world.advance();
        return true;
      case "kill":
        if (!replica) continue;
        kill(world, replica);
        return true;
      case "stop":
        if (replica?.state !== "up" || replica.isFrozen) continue;
        stop(world, replica);
        return true;
      case "unpin":
        if (!settings.ordered) continue;
        unpin(world);
        return true;
      case "outage":
        if (settings.partitions === 0 || !random.chance(0.3)) continue;
        outage(world);
        return true;
      case "cut":
        if (replica?.connection.state !== "up" || replica.isFrozen) continue;
        cut(world, replica);
        return true;
    }
  }
  return false;
}

export function fail(world: World, request: Request, processed: boolean): void {
  world.trace?.(`${request.name}: ${processed ? "processed, but its response is lost" : "fails"}`);
  remove(world.requests, request);
  world.ledger.fault(request.eventId());
  if (request.name.includes(" rate ")) world.rate.isInexact = true;
  if (processed) request.process();
  request.fail();
}

/** Longer than the duplicate window of a stream, and time for what was stored just before. */
const OUTAGE_MS = 130_000;

/** All replicas die, and none starts before JetStream has forgotten the ids of what they stored. */
function outage(world: World): void {
  for (const replica of [...world.replicas]) kill(world, replica);
  world.pass(OUTAGE_MS);
}

function unpin(world: World): void {
  const { random, serverConsumers, replicas, trace } = world;
  const held = replicas.filter(({ state, isFrozen, connection }) => {
    return state === "up" && !isFrozen && connection.state === "up";
  }).flatMap(({ name, partitions }) => partitions.flatMap(({ order }) => order?.isHolder ? { name, order } : []));
  if (held.length > 0 && random.chance(0.5)) {
    const { name, order } = random.pick(held);
    trace?.(`${name} hands a partition over`);
    return order.handOver(3_000);
  }
  const stream = random.pick(Object.keys(serverConsumers));
  trace?.(`${stream} forgets its pin`);
  serverConsumers[stream].unpin();
}

function drop(world: World, ack: Ack): void {
  world.trace?.(`dropped: ${describeAck(ack)}`);
  remove(world.acks, ack);
}

function stop(world: World, replica: Replica): void {
  world.trace?.(`${replica.name} receives SIGTERM`);
  replica.stop(world.settings.graceMs);
}

/** Lets a replica that has deliveries stand still. Returns false if there is none. */
function freeze(world: World): boolean {
  const replicas = world.replicas.filter(({ state, connection, isFrozen, inFlight }) =>
    state === "up" && connection.state === "up" && !isFrozen && inFlight > 0
  );
  if (replicas.length === 0) return false;
  const replica = world.random.pick(replicas), forMs = world.random.pick(FREEZES_MS);
  world.trace?.(`${replica.name} stands still for ${forMs} ms`);
  replica.freeze(forMs);
  return true;
}

export function kill(world: World, replica: Replica): void {
  world.trace?.(`${replica.name} dies`);
  replica.kill();
  settleAcksOf(world, replica);
  end(world, replica);
}

/** Ends a process. Its requests under way may still reach the server. */
export function end(world: World, replica: Replica): void {
  for (const request of world.requests.filter(({ connection }) => connection === replica.connection)) {
    if (world.random.chance(0.5)) request.process();
    world.ledger.fault(request.eventId());
    remove(world.requests, request);
  }
  for (const run of world.runs.filter((run) => run.replica === replica)) remove(world.runs, run);
  remove(world.replicas, replica);
}

function cut(world: World, replica: Replica): void {
  world.trace?.(`${replica.name} loses its connection`);
  replica.cut();
  settleAcksOf(world, replica);
  for (
    const request of world.requests.filter(({ connection, repeats }) => connection === replica.connection && !repeats)
  ) {
    fail(world, request, world.random.chance(0.5));
  }
}

export function reconnect(world: World, replica: Replica): void {
  world.trace?.(`${replica.name} reconnects`);
  replica.reconnect(world.random.below(30_000));
}

/** Delivers some of the acks that were under way on a closed connection, and drops the others. */
function settleAcksOf(world: World, replica: Replica): void {
  for (const ack of world.acks.filter(({ connection }) => connection === replica.connection)) {
    remove(world.acks, ack);
    if (world.random.chance(0.5)) world.processAck(ack);
    else world.trace?.(`dropped: ${describeAck(ack)}`);
  }
}
