import assert from "node:assert/strict";

const CRASHES = "e2e/crash_points_test.ts: weir start acks an event only after its emitted events are stored";
const SHUTDOWNS = "e2e/shutdown_points_test.ts: SIGTERM at any point of settling lets the process finish it";
const KILLS = "chaos/kills_test.ts: weir start loses no event, and repeats none without a fault";
const CLUSTER = "chaos/cluster_test.ts: weir start loses no event, and repeats none without a fault";
const ORDER_KILLS = "chaos/order_test.ts: order keeps the events of each key in order";
const ORDERED = "e2e/order_test.ts: order keeps each key in order and one at a time over two replicas";
const PARTITIONED = "e2e/order_partitions_test.ts: order with partitions keeps each key in order and one at a time";
const REASSIGNED = "e2e/order_partitions_takeover_test.ts: order with partitions runs an event once and in its place";
const ORDERED_BATCHES = "e2e/batch_combined_test.ts: batch with order has one event of a key at most";
const KILLED_AHEAD = "e2e/prefetch_killed_test.ts: start handles after a kill -9 what another process had pulled ahead";
const RENEWED = "e2e/identity_test.ts: ctx.emit stores the event of a message without an id";
const ODD_HEADERS = "nats/client/odd_headers_test.ts: LateDedup finds the message after one whose header";
/** Checks invariants in random schedules. `simulation/planted_bugs_test.ts` shows that it finds what breaks a line. */
const SIMULATED = "simulation/seeds.ts: simulate settles every event under faults";

/**
 * The tests that hold each line of `runtime/engine/GUARANTEE.md`, in the order of its lines: file, and beginning of the
 * name. In the file the name is preceded by the numbers of all its lines, as in [G1][G5].
 */
const TESTS: readonly (readonly string[])[] = [
  [CRASHES, SIMULATED],
  [
    CRASHES,
    SIMULATED,
    "nats/consume/settle_dead_letter_test.ts: NatsSettler stores a dead letter, and then terminates the original",
    "nats/dead_letters/dead_letters_test.ts: DeadLetters stores payload and headers of the original",
  ],
  ["e2e/unstored_test.ts: ingress answers 202 only for events that are stored"],
  [
    KILLS,
    CLUSTER,
    "e2e/disconnect_test.ts: NatsSettler acks an event that was handled while NATS was down",
    "e2e/batch_test.ts: storeRows loses no row when its process is killed among batches",
    "e2e/rate_test.ts: rate loses no event when a process that holds some is killed",
    "e2e/shared_breaker_test.ts: shared breaker gives the probe of a replica that is killed with it to another",
    "e2e/key_shares_test.ts: concurrency by key loses no event when a process that skips over some is killed",
    "e2e/debounce_test.ts: debounce handles the last event of each key when the only process is killed meanwhile",
  ],
  [SIMULATED, CRASHES, KILLS],
  [
    "nats/dead_letters/chunks_test.ts: ",
    "nats/consume/settle_dead_letter_test.ts: NatsSettler stores a dead letter of the largest event that the ingress takes",
    "nats/client/odd_headers_test.ts: NatsSettler makes a dead letter of a message with a header",
  ],
  [
    "e2e/repair_test.ts: Reconciler creates ",
    "app/topology_keeper_test.ts: TopologyKeeper",
    "nats/consume/ack_floors_test.ts: AckFloors",
    "nats/consume/passed_events_test.ts: PassedEvents",
    "nats/topology/beginnings_test.ts: ensureTopology begins again where a function with `from: new` began",
  ],
  ["nats/consume/advisories_test.ts: Advisories brings back an event beyond max_deliver"],
  [KILLS, CLUSTER, SHUTDOWNS, SIMULATED],
  [
    ...[
      CRASHES,
      SIMULATED,
      "nats/consume/settle_test.ts: NatsSettler notes that an event may have emitted if its delayed retry may be stored",
      "nats/publish/late_dedup_test.ts: LateDedup finds a message whose id",
      ODD_HEADERS,
      RENEWED,
    ],
    "e2e/delayed_events_test.ts: ctx.emit with a delay publishes each of 1,000 events once",
    "e2e/schedules_test.ts: start publishes and handles each tick",
  ],
  [CRASHES, SIMULATED, "nats/dead_letters/dead_letters_test.ts: DeadLetters stores "],
  [CRASHES, "e2e/idempotency_test.ts: idempotency ", "e2e/identity_test.ts: idempotency ", RENEWED],
  [CRASHES, "nats/kv/nats_idempotency_store_test.ts: NatsIdempotencyStore grants the claim of a dead process again"],
  [CRASHES],
  ["e2e/computing_test.ts: Watchdog keeps the lease of a handler that computes"],
  ["e2e/stopped_test.ts: SIGSTOP for longer than the ack wait leaves the deliveries that had not begun"],
  [
    "e2e/shutdown_test.ts: SHUTDOWN_GRACE ends a handler, gives its event back and uses up no attempt",
    "engine/dispatcher_test.ts: Dispatcher gives back within a second what cannot begin",
    "e2e/prefetch_test.ts: Dispatcher gives back what a handler that became slow cannot begin",
    "engine/dispatcher_test.ts: Dispatcher gives back what waits and what arrives once the function's breaker is open",
    "engine/dispatcher_test.ts: Dispatcher gives back what waits for its key",
    "e2e/prefetch_test.ts: Dispatcher gives back what it pulled ahead when the breaker opens",
    "e2e/prefetch_test.ts: shutdown gives back at once what was pulled ahead",
    KILLED_AHEAD,
    "e2e/breaker_test.ts: ctx.dependency uses up no attempt of an event",
    "e2e/deliveries_test.ts: ctx.emit into a full stream is retried",
    "e2e/refused_store_test.ts: a stream that is sealed uses up no attempt",
    "e2e/kv_outage_test.ts: ctx.kv uses up no attempt and trips no breaker",
    "e2e/rate_test.ts: rate limits the starts of four replicas together",
    "e2e/batch_combined_test.ts: batch with rate starts no more events than the limit over two replicas",
    "engine/key_shares_test.ts: KeyShares skips over the latest events of a key",
    "engine/key_shares_test.ts: KeyShares gives back at a shutdown what waits",
    "e2e/key_shares_test.ts: concurrency by key lets the events of others pass a backlog of one key",
    "nats/consume/settle_test.ts: NatsSettler stores the attempts of a retry through an outage",
    "e2e/disconnect_test.ts: retry.attempts does not count deliveries that never arrived",
    "e2e/versions_test.ts: a delivery of a later version waits for the release that knows it",
    SIMULATED,
  ],
  [
    "engine/attempt_test.ts: Attempt.applyCounts allows an only attempt that may never have begun",
    KILLED_AHEAD,
    SIMULATED,
  ],
  [
    "e2e/crash_loop_test.ts: start ends an event that keeps killing its process",
    "engine/key_failures_test.ts: KeyFailures: an event that ends as",
  ],
  [
    "e2e/delayed_retries_test.ts: RetryAfterError of five seconds takes the event out of its consumer",
    "nats/consume/settle_test.ts: NatsSettler stores a long retry in the retry stream",
  ],
  [
    CLUSTER,
    "nats/consume/pull_consumer_recovery_test.ts: PullConsumer goes on after the server restarts",
    "nats/consume/pull_consumer_recovery_test.ts: PullConsumer goes on after the consumer was deleted and created again",
    "nats/consume/pull_consumer_recovery_test.ts: PullConsumer gives each pull a reply subject of its own",
    "nats/consume/pull_consumer_recovery_test.ts: PullConsumer notices a silent server after two and a half seconds",
    "nats/client/odd_headers_test.ts: PullConsumer delivers a message whose header",
    ODD_HEADERS,
  ],
  [
    "e2e/dead_letters_test.ts: /dead-letters lists, shows, discards and redrives to the function that failed",
    "e2e/dead_letters_test.ts: DeadLetterService.redriveAll, interrupted and run again",
    "e2e/replay_test.ts: replay sends the events",
    "e2e/replay_test.ts: replay that is killed",
    "e2e/events_move_test.ts: events move, killed in the middle and run again, brings each event once",
    "chaos/redrive_test.ts: dead-letters redrive, killed half-way and run again, sends each dead letter back once",
  ],
  [
    "e2e/batch_test.ts: storeRows in batches of 100 makes dead letters of the poison rows alone",
    "core/batch_test.ts: batchSizeAt ends with batches of one event",
    "engine/batch_runner_test.ts: BatchRunner rejects only the event that is alone with its NonRetryableError",
  ],
  [ORDER_KILLS, ORDERED, PARTITIONED, REASSIGNED, ORDERED_BATCHES, SIMULATED],
  [
    ORDER_KILLS,
    ORDERED,
    PARTITIONED,
    ORDERED_BATCHES,
    SIMULATED,
    "e2e/order_test.ts: order runs a redriven event beside no other of its key",
  ],
  [
    "e2e/order_test.ts: order blocks the key of an event whose attempts are used up",
    "e2e/order_test.ts: order goes on with a blocked key once its first event is cancelled",
    "e2e/order_deaths_test.ts: start runs an event that blocks its key again after one death",
    "engine/key_failures_test.ts: KeyFailures: an event that blocks its key and",
    "core/order_test.ts: blockedNumber of",
    SIMULATED,
  ],
  [
    "e2e/order_test.ts: order parks a key, and its events return in order",
    "e2e/order_test.ts: order parks a key again behind a parked event that fails",
    "e2e/order_parked_test.ts: dead-letters redrive brings back a parked key in order",
    SIMULATED,
  ],
];

/** Adds the numbers of all its lines to a test of {@linkcode TESTS}. */
function numbered(test: string): string {
  const numbers = TESTS.flatMap((tests, i) => tests.includes(test) ? `[G${i + 1}]` : []);
  return test.replace(": ", `: ${numbers.join("")} `);
}

/** Yields every name in `tests/` that begins with a number, as `file: name`. */
async function* numberedNames(folder: string): AsyncIterable<string> {
  const tests = new URL("./", import.meta.url);
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, tests))) {
    if (isDirectory) yield* numberedNames(`${folder}${name}/`);
    if (!name.endsWith(".ts")) continue;
    const text = await Deno.readTextFile(new URL(folder + name, tests));
    for (const [, , found] of text.matchAll(/(["`])(\[G\d+\].*?)\1/g)) yield `${folder}${name}: ${found}`;
  }
}

Deno.test("GUARANTEE.md has tests for each line, and their names begin with the line's number", async () => {
  const page = await Deno.readTextFile(new URL("../runtime/engine/GUARANTEE.md", import.meta.url));
  const lines = [...page.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number));
  assert.deepEqual(lines, TESTS.map((_, i) => i + 1));
  const listed = [...new Set(TESTS.flat())].map(numbered), found = await Array.fromAsync(numberedNames(""));
  const missing = listed.filter((test) => !found.some((name) => name.startsWith(test)));
  const unlisted = found.filter((name) => !listed.some((test) => name.startsWith(test)));
  assert.deepEqual({ missing, unlisted }, { missing: [], unlisted: [] });
});
