import assert from "node:assert/strict";
import fc from "fast-check";
import type { BreakerPolicy } from "../../runtime/core/breaker.ts";
import { PROBE_LEASE_MS, type StoredState } from "../../runtime/core/shared_breaker.ts";
import type { BreakerPorts } from "../../runtime/engine/breaker_store.ts";
import type { BreakerChange, Permit } from "../../runtime/engine/circuit_breaker.ts";
import { SharedBreaker } from "../../runtime/engine/shared_breaker.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { BREAKER, NO_SPAN } from "../support/invocation.ts";

/** The store of all processes of a test. It counts its uses, and fails while it has a problem. */
class MemoryStore {
  readonly states = new Map<string, StoredState>();
  readonly listeners: ((revision?: number) => void)[] = [];
  problem: string | undefined;
  /** Whether it is read and never written. */
  refuses = false;
  uses = 0;
  #revision = 0;

  constructor(readonly clock: TestClock) {}

  /** Loses all states, as a bucket that is deleted and made again. Its revisions begin anew. */
  lose(): void {
    this.states.clear();
    this.#revision = 0;
  }

  async read(key: string): Promise<StoredState> {
    await this.#use();
    return this.states.get(key) ?? { state: undefined, revision: 0, storedAtMs: 0 };
  }

  write: BreakerPorts["store"]["write"] = async (key, state, revision) => {
    await this.#use();
    if (this.refuses) throw new Error("full");
    if (revision !== (this.states.get(key)?.revision ?? 0)) return undefined;
    this.states.set(key, { state, revision: ++this.#revision, storedAtMs: this.clock.serverNow() });
    const stored = this.#revision;
    this.clock.timer(0, () => this.listeners.forEach((listener) => listener(stored)));
    return stored;
  };

  watch = (_key: string, listener: (revision?: number) => void) => void this.listeners.push(listener);

  async #use(): Promise<void> {
    this.uses++;
    await Promise.resolve();
    if (this.problem !== undefined) throw new Error(this.problem);
  }
}

/** Processes that share a breaker, which opens at the second failure in a row, for ten seconds. */
function setup(processes = 3, policy: BreakerPolicy = { ...BREAKER, shared: true }) {
  const clock = new TestClock(), store = new MemoryStore(clock), changes: BreakerChange[] = [];
  const reported: (string | undefined)[] = [];
  const ports: BreakerPorts = { store, reportProblem: (_breaker, problem) => void reported.push(problem) };
  const breakers = Array.from(
    { length: processes },
    () => new SharedBreaker("Payments", "dependency", policy, clock, (change) => changes.push(change), ports),
  );
  const kinds = () => breakers.map(({ state }) => state.kind);
  const trip = async (breaker: SharedBreaker) => {
    for (let i = 0; i < policy.consecutiveFailures; i++) (await permit(breaker)).report("failure");
    await clock.advance(0);
  };
  /** Asks every process for a permit at once. Returns those that got one. */
  const ask = async () =>
    (await Promise.all(breakers.map((breaker) => breaker.acquire(NO_SPAN)))).flatMap((answer) =>
      answer.admitted ? [answer] : []
    );
  return { clock, store, changes, reported, breakers, kinds, trip, ask };
}

async function permit(breaker: SharedBreaker): Promise<Permit> {
  const answer = await breaker.acquire(NO_SPAN);
  assert.ok(answer.admitted);
  return answer;
}

Deno.test("SharedBreaker opens in all processes once it has opened in one, which alone has a span of the cause", async () => {
  const { breakers, kinds, trip, changes } = setup();
  await trip(breakers[1]);
  assert.deepEqual(kinds(), ["open", "open", "open"]);
  assert.deepEqual(changes.map(({ to, elsewhere = false }) => [to, elsewhere]), [
    ["open", false],
    ["open", true],
    ["open", true],
  ]);
});

Deno.test("SharedBreaker neither reads nor writes while it is closed", async () => {
  const { breakers, store, clock } = setup(1);
  await clock.advance(0);
  assert.equal(store.uses, 1, "it has read what is stored at its start");
  for (let i = 0; i < 100; i++) {
    const answer = breakers[0].acquire(NO_SPAN);
    assert.ok(!(answer instanceof Promise) && answer.admitted);
    answer.report(i % 2 === 0 ? "failure" : "success");
  }
  await clock.advance("1h");
  assert.deepEqual([store.uses, clock.timers], [1, 0]);
});

Deno.test("SharedBreaker makes one probe over all processes, and closes in all when it succeeds", async () => {
  const { breakers, clock, kinds, trip, ask } = setup();
  await trip(breakers[0]);
  assert.equal((await ask()).length, 0);
  await clock.advance("10s");
  const probes = await ask();
  assert.equal(probes.length, 1);
  await clock.advance(0);
  assert.deepEqual(kinds().sort(), ["half-open", "open", "open"]);
  assert.equal((await ask()).length, 0);
  probes[0].report("success");
  await clock.advance(0);
  assert.deepEqual(kinds(), ["closed", "closed", "closed"]);
});

Deno.test("SharedBreaker opens in all processes again when the probe fails", async () => {
  const { breakers, clock, kinds, trip, ask } = setup();
  await trip(breakers[0]);
  await clock.advance("10s");
  const [probe] = await ask();
  probe.report("failure");
  await clock.advance("9s");
  assert.deepEqual([kinds(), (await ask()).length], [["open", "open", "open"], 0]);
  await clock.advance("1s");
  assert.equal((await ask()).length, 1);
});

Deno.test("SharedBreaker keeps the lease of a slow probe, and lets no other process probe", async () => {
  const { breakers, clock, kinds, trip, ask } = setup();
  await trip(breakers[0]);
  await clock.advance("10s");
  const [probe] = await ask();
  for (let i = 0; i < 10; i++) {
    await clock.advance("3s");
    assert.equal((await ask()).length, 0);
  }
  probe.report("success");
  await clock.advance(0);
  assert.deepEqual(kinds(), ["closed", "closed", "closed"]);
});

Deno.test("SharedBreaker replaces a process that died with the probe, and drops its late result", async () => {
  const { breakers, clock, store, kinds, trip, ask } = setup();
  await trip(breakers[0]);
  await clock.advance("10s");
  const [lost] = await ask(), dead = lost.breaker as SharedBreaker;
  dead.close(); // it renews nothing
  store.listeners.splice(breakers.indexOf(dead), 1); // and hears nothing
  await clock.advance(PROBE_LEASE_MS - 1);
  assert.equal((await ask()).length, 0);
  await clock.advance(1);
  const others = breakers.filter((breaker) => breaker !== dead);
  const answers = await Promise.all(others.map((breaker) => breaker.acquire(NO_SPAN)));
  const [probe] = answers.flatMap((answer) => answer.admitted ? [answer] : []);
  assert.equal(answers.filter(({ admitted }) => admitted).length, 1);
  lost.report("success");
  await clock.advance(0);
  assert.ok(kinds().every((kind) => kind !== "closed"), "its lease had ended");
  probe.report("success");
  await clock.advance(0);
  assert.deepEqual(others.map(({ state }) => state.kind), ["closed", "closed"]);
});

Deno.test("SharedBreaker takes a lease for each time that it is half open", async () => {
  const { breakers, clock, trip, ask } = setup(2, { ...BREAKER, openForMs: 1_000, shared: true });
  await trip(breakers[0]);
  await clock.advance("1s");
  (await permit(breakers[0])).report("success");
  await clock.advance(0);
  await trip(breakers[0]);
  await clock.advance("1s");
  assert.equal((await ask()).length, 1);
});

Deno.test("SharedBreaker gives up the lease of a probe that said nothing, once it has no other", async () => {
  const { breakers, clock, trip, ask } = setup(2);
  await trip(breakers[0]);
  await clock.advance("10s");
  const [probe] = await ask(), idle = probe.breaker, other = breakers.find((one) => one !== idle)!;
  probe.report("ignored");
  await clock.advance(PROBE_LEASE_MS);
  (await permit(other)).report("success");
  await clock.advance(0);
  assert.equal(idle.state.kind, "closed");
});

Deno.test("SharedBreaker drops results of calls from before another process changed its state", async () => {
  const { breakers: [first, second], clock, trip } = setup(2);
  const slow = [await permit(first), await permit(first)];
  await trip(second);
  await clock.advance("10s");
  (await permit(second)).report("success");
  await clock.advance(0);
  for (const one of slow) one.report("failure");
  assert.deepEqual([first.state.kind, first.permits()], ["closed", Infinity]);
});

Deno.test("SharedBreaker goes by itself while the store fails, reports it once, and is shared again", async () => {
  const { breakers, clock, store, reported, kinds, trip } = setup(2);
  await clock.advance(0);
  store.problem = "no answer";
  await trip(breakers[0]);
  assert.deepEqual(kinds(), ["open", "closed"]);
  assert.match(breakers[0].problem()!, /^it is not shared, each process opens and probes by itself: no answer$/);
  await clock.advance("10s");
  (await permit(breakers[0])).report("failure");
  await clock.advance("10s");
  (await permit(breakers[0])).report("success");
  await clock.advance(0);
  assert.deepEqual(kinds(), ["closed", "closed"]);
  await trip(breakers[0]);
  store.problem = undefined;
  await clock.advance("2s");
  assert.deepEqual([kinds(), breakers[0].problem()], [["open", "open"], undefined]);
  assert.deepEqual(reported.map((problem) => problem !== undefined), [true, false]);
});

Deno.test("SharedBreaker reports a store once that is read and refuses every write, and makes its probes by itself", async () => {
  const { breakers: [first, second], clock, store, reported, trip } = setup(2);
  store.refuses = true;
  await trip(first);
  await clock.advance("9s");
  assert.equal(reported.length, 1);
  await clock.advance("3s");
  assert.equal(reported.length, 1);
  (await permit(first)).report("failure");
  await clock.advance("5s");
  assert.deepEqual([reported.length, first.state.kind, second.state.kind], [1, "open", "closed"]);
  store.refuses = false;
  await clock.advance("2s");
  assert.deepEqual([reported.length, first.state.kind, second.state.kind], [2, "open", "open"]);
});

Deno.test("SharedBreaker goes on from a store that lost everything", async () => {
  const { breakers, clock, store, kinds, trip, ask } = setup(2);
  await trip(breakers[0]);
  store.lose();
  for (const listener of store.listeners) listener();
  await clock.advance("10s");
  const [probe, ...more] = await ask();
  assert.equal(more.length, 0);
  probe.report("success");
  await clock.advance(0);
  assert.deepEqual(kinds(), ["closed", "closed"]);
});

Deno.test("SharedBreaker follows a state whose revision a store that lost everything has given before", async () => {
  const { breakers: [first, second], clock, store, kinds, trip } = setup(2);
  await trip(first);
  await clock.advance("10s");
  (await permit(first)).report("success");
  await clock.advance(0);
  assert.deepEqual([kinds(), store.states.get(first.key)?.revision], [["closed", "closed"], 3]);
  store.lose();
  const states = [{ kind: "open", generation: 7 }, { kind: "closed", generation: 8 }, {
    kind: "open",
    generation: 9,
  }] as const;
  let revision = 0;
  for (const state of states) revision = (await store.write(first.key, state, revision, 0))!;
  for (const listener of store.listeners) listener(); // as after a check that finds the bucket made again
  await clock.advance(0);
  assert.deepEqual([revision, first.state.kind, second.state.kind], [3, "open", "open"]);
});

type Step = { ask: number } | { report: number; ok: boolean } | { passMs: number } | { kill: number } | {
  hear: number;
};
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ ask: fc.nat(2) }) },
    { weight: 4, arbitrary: fc.record({ report: fc.nat(20), ok: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ passMs: fc.nat(9_000) }) },
    { weight: 1, arbitrary: fc.record({ kill: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ hear: fc.nat(2) }) },
  ),
  { maxLength: 40 },
);

Deno.test("SharedBreaker never lets two living processes probe at once, nor one whose lease ended close it", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(1_000, 10_000), async (all, openForMs) => {
      const { breakers, clock, store } = setup(3, { ...BREAKER, openForMs, shared: true }), dead = new Set<unknown>();
      const out: Permit[] = [];
      for (const step of all) {
        if ("ask" in step) {
          const breaker = breakers[step.ask];
          if (dead.has(breaker)) continue;
          const answer = await breaker.acquire(NO_SPAN);
          if (answer.admitted) out.push(answer);
        } else if ("report" in step) {
          const [permit] = out.splice(step.report % Math.max(1, out.length), 1);
          permit?.report(step.ok ? "success" : "failure");
        } else if ("kill" in step) {
          if (dead.size === 2) continue;
          dead.add(breakers[step.kill]);
          breakers[step.kill].close();
        } else if ("hear" in step) store.listeners[step.hear]();
        await clock.advance("passMs" in step ? step.passMs : 0);
        const living = breakers.filter((breaker) => !dead.has(breaker));
        const holders = living.filter(({ state }) => state.kind === "half-open" && state.probing > 0);
        assert.ok(holders.length <= 1, "two probe at once");
        const { state } = store.states.get("dependency.Payments") ?? {};
        if (state?.kind === "closed") assert.ok(living.every((breaker) => breaker.state.kind === "closed"));
      }
    }),
    { numRuns: 60 },
  );
});
