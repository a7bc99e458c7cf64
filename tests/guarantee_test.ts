import assert from "node:assert/strict";

const CRASHES = "e2e/crash_points_test.ts: a process killed at any point of settling loses nothing";
const SHUTDOWNS = "e2e/shutdown_points_test.ts: a process asked to end at any point of settling sees it through";
const SIMULATED = "simulation/seeds.ts: [G5] simulate settles every event under faults";
const KILLS = "chaos/kills_test.ts: [G4] weir start loses no event, and repeats none without a fault";
const CLUSTER = "chaos/cluster_test.ts: [G4] weir start loses no event, and repeats none without a fault";

/** The tests that hold each line of `runtime/engine/GUARANTEE.md`, by its number: file and the beginning of the test's name. */
const TESTS: readonly (readonly string[])[] = [
  [CRASHES, "simulation/planted_bugs_test.ts: simulate finds the planted bug"],
  [
    CRASHES,
    "nats/dead_letters/burial_test.ts: [G2] settle stores a dead letter, and then terminates the original",
  ],
  ["e2e/unstored_test.ts: of what is posted while the server is killed and restarted, all that is acknowledged"],
  [KILLS, CLUSTER, "e2e/disconnect_test.ts: an event handled while NATS was away is done once it is back"],
  [SIMULATED, CRASHES, KILLS],
  [
    "nats/dead_letters/chunks_test.ts: [G6] ",
    "nats/dead_letters/burial_test.ts: [G6] settle stores a dead letter of the largest event that the ingress takes",
    "nats/client/odd_headers_test.ts: [G6] NatsSettler makes a dead letter of a message with a header",
  ],
  [
    "e2e/repair_test.ts: a consumer that is deleted while the runtime runs is made again, and pulling goes on",
    "e2e/repair_test.ts: a stream that is deleted while the runtime runs is made again, and takes events",
    "e2e/repair_test.ts: after a restart with its store lost, everything is made again",
  ],
  ["nats/consume/advisories_test.ts: [G8] Advisories brings back an event beyond max_deliver"],
  [KILLS, CLUSTER, SHUTDOWNS, SIMULATED],
  [CRASHES, SIMULATED, "nats/publish/late_dedup_test.ts: [G10] LateDedup finds a message whose id"],
  [CRASHES, SIMULATED, "nats/dead_letters/dead_letters_test.ts: [G11] "],
  [
    "e2e/idempotency_test.ts: an event that is published again long after is not handled again",
    "e2e/idempotency_test.ts: an event that failed is not taken for handled: its retry and its redrive run",
    "e2e/idempotency_test.ts: two replicas that hold the same event at once run it once",
    CRASHES,
  ],
  [CRASHES, "nats/kv/idempotency_store_test.ts: [G13] NatsIdempotencyStore grants the claim of a dead process again"],
  [CRASHES],
  ["e2e/computing_test.ts: an event whose handler computes for longer than the server waits is handed out"],
  ["e2e/stopped_test.ts: what a process had not begun before it was stopped for long runs elsewhere"],
  [
    "e2e/shutdown_test.ts: a handler that does not finish within the grace gives its event back",
    "e2e/breaker_test.ts: a dependency that is down for many times its open time costs no event its attempts",
    "e2e/deliveries_test.ts: an event that cannot emit, since the stream is full, waits until it can",
    "e2e/disconnect_test.ts: deliveries that never arrived use up no attempt of the only one there is",
    SIMULATED,
  ],
  ["engine/attempt_test.ts: [G18] an only attempt that may never have begun is made", SIMULATED],
  ["e2e/crash_loop_test.ts: an event that kills its process ends as `crashed` without another run"],
  [
    "e2e/delayed_retries_test.ts: a long retry leaves its consumer, survives restarts of everything, and comes back",
    "nats/consume/settle_test.ts: [G20] NatsSettler stores a long retry in the retry stream",
  ],
  [
    CLUSTER,
    "nats/consume/pull_consumer_recovery_test.ts: [G21] PullConsumer goes on after the server restarts",
    "nats/consume/pull_consumer_recovery_test.ts: [G21] PullConsumer goes on after the consumer was deleted and created again",
    "nats/consume/pull_consumer_recovery_test.ts: [G21] PullConsumer notices a silent server after two and a half seconds",
  ],
  [
    "e2e/dead_letters_test.ts: dead letters are listed, shown, redriven to the function that failed alone",
    "chaos/redrive_test.ts: [G22] dead-letters redrive, killed half-way and run again",
  ],
];

Deno.test("each line of the guarantee is held by tests that exist", async () => {
  const page = await Deno.readTextFile(new URL("../runtime/engine/GUARANTEE.md", import.meta.url));
  const lines = [...page.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number));
  assert.deepEqual(lines, TESTS.map((_, i) => i + 1));
  const missing: string[] = [];
  for (const test of new Set(TESTS.flat())) {
    const [, file, name] = /^(\S+): (.*)$/.exec(test)!;
    const text = await Deno.readTextFile(new URL(file, import.meta.url)).catch(() => "");
    if (!text.replaceAll("\\`", "`").includes(name)) missing.push(test);
  }
  assert.deepEqual(missing, []);
});
