import assert from "node:assert/strict";
import type { FunctionOptions } from "../../runtime/api/define_function.ts";
import { eventsAtOnce } from "../../runtime/project/batch_policy.ts";
import { DEFAULT_BREAKER } from "../../runtime/project/failure_policy.ts";
import { resolvePolicy } from "../../runtime/project/resolve_policy.ts";

/** Returns the problems of options, with `on` and `emits` added. */
function problems(options: object): string[] {
  const resolved = resolvePolicy({ on: "orders.>", emits: [], ...options } as FunctionOptions);
  return resolved.ok ? [] : resolved.problems;
}

Deno.test("resolvePolicy keeps the given options and fills in the others", () => {
  const resolved = resolvePolicy({
    on: "orders.>",
    emits: [],
    retry: { attempts: 2, max: "2h" },
    timeout: 1_500,
    maxAge: "7d",
    idempotency: { ttl: "1h" },
    breaker: { openFor: "5s" },
    dependencies: { Payments: { halfOpenProbes: 2, interval: 500 }, Mail: {} },
  });
  assert.ok(resolved.ok);
  assert.deepEqual(resolved.policy, {
    retry: { attempts: 2, initialMs: 250, maxMs: 7_200_000, factor: 2, jitter: "full" },
    timeoutMs: 1_500,
    concurrency: 16,
    maxHops: 50,
    from: "all",
    maxAgeMs: 604_800_000,
    idempotency: { ttlMs: 3_600_000 },
    breaker: { consecutiveFailures: 10, intervalMs: 60_000, openForMs: 5_000, halfOpenProbes: 1 },
    dependencies: {
      Payments: { consecutiveFailures: 10, intervalMs: 500, openForMs: 30_000, halfOpenProbes: 2 },
      Mail: { consecutiveFailures: 10, intervalMs: 60_000, openForMs: 30_000, halfOpenProbes: 1 },
    },
  });
});

Deno.test("resolvePolicy begins no wait above a `retry.max` that is below the default of `retry.initial`", () => {
  const resolved = resolvePolicy({ on: "orders.>", retry: { max: "50ms" } });
  assert.ok(resolved.ok);
  assert.deepEqual([resolved.policy.retry.initialMs, resolved.policy.retry.maxMs], [50, 50]);
});

Deno.test("resolvePolicy runs one batch at a time unless `concurrency` says otherwise", () => {
  const policyOf = (options: Partial<FunctionOptions>) => {
    const resolved = resolvePolicy({ on: "orders.>", ...options });
    if (!resolved.ok) throw new Error(resolved.problems.join("; "));
    const { batch, concurrency } = resolved.policy;
    return { batch, concurrency, atOnce: eventsAtOnce(resolved.policy) };
  };
  const batch = { size: 500, maxWaitMs: 1_000, maxBytes: 4_194_304 };
  assert.deepEqual(policyOf({ batch: { size: 500 } }), { batch, concurrency: 1, atOnce: 1_000 });
  const given = { batch: { size: 20, maxWait: "250ms", maxBytes: 100 }, concurrency: 3 } as const;
  const policy = { size: 20, maxWaitMs: 250, maxBytes: 100 };
  assert.deepEqual(policyOf(given), { batch: policy, concurrency: 3, atOnce: 80 });
  assert.deepEqual(policyOf({ concurrency: 3 }), { batch: undefined, concurrency: 3, atOnce: 3 });
});

Deno.test("resolvePolicy accepts options without `emits`", () => {
  assert.deepEqual(resolvePolicy({ on: "orders.>" }), resolvePolicy({ on: "orders.>", emits: [] }));
  assert.ok(resolvePolicy({ on: "orders.>" }).ok);
});

Deno.test("resolvePolicy treats undefined as an omitted option", () => {
  assert.deepEqual(problems({ retry: undefined, timeout: undefined, maxAge: undefined, dependencies: undefined }), []);
  assert.deepEqual(problems({ retry: { attempts: undefined }, breaker: { openFor: undefined } }), []);
});

Deno.test("resolvePolicy remembers events for a week with `idempotency: true`, and none with false", () => {
  const policyOf = (idempotency: boolean) => {
    const resolved = resolvePolicy({ on: "orders.>", idempotency });
    return resolved.ok ? resolved.policy.idempotency : resolved.problems;
  };
  assert.deepEqual(policyOf(true), { ttlMs: 604_800_000 });
  assert.equal(policyOf(false), undefined);
});

const HELP = 'milliseconds, or text such as "250ms", "10s", "5m", "2h", "7d"';
const rows: [options: object, problem: string][] = [
  [{ tymeout: "5s" }, 'unknown option tymeout: did you mean "timeout"?'],
  [{ attempts: 3 }, "unknown option attempts: it belongs in `retry`"],
  [{ openFor: "1s" }, "unknown option openFor: it belongs in `breaker`"],
  [{ speed: 3 }, "unknown option speed"],
  [{ retry: { atempts: 3 } }, 'unknown option retry.atempts: did you mean "attempts"?'],
  [{ breaker: { openfor: "1s" } }, 'unknown option breaker.openfor: did you mean "openFor"?'],
  [{ dependencies: { Pay: { openfor: 1 } } }, 'unknown option dependencies.Pay.openfor: did you mean "openFor"?'],
  [{ retry: { attempts: 0 } }, "option retry.attempts: 0 is not a whole number from 1"],
  [{ retry: { attempts: -1 } }, "option retry.attempts: -1 is not a whole number from 1"],
  [{ concurrency: "16" }, 'option concurrency: "16" is not a whole number from 1'],
  [{ batch: 500 }, "option batch: Invalid input: expected object, received number"],
  [{ batch: {} }, "option batch.size: undefined is not a whole number from 1"],
  [
    { batch: { size: 20_000 } },
    "option batch.size: 20000 is more than 10000: a function holds all events of a batch in memory",
  ],
  [{ batch: { size: 9, wait: "1s" } }, "unknown option batch.wait"],
  [{ maxWait: "1s" }, "unknown option maxWait: it belongs in `batch`"],
  [
    { batch: { size: 9, maxWait: "2h" } },
    "option batch.maxWait: 2h is more than an hour: collected events are in memory",
  ],
  [{ batch: { size: 9, maxBytes: 0 } }, "option batch.maxBytes: 0 is not a whole number from 1"],
  [
    { batch: { size: 9 }, retry: { attempts: 1 } },
    "option batch: with `retry.attempts: 1` every event would be handled alone, since the last attempt of an event is a " +
    "batch of its own: allow two attempts at least, or leave `batch` out",
  ],
  [{ concurrency: 1.5 }, "option concurrency: 1.5 is not a whole number from 1"],
  [
    { batch: { size: 20 }, rate: { limit: 10, per: "1s" } },
    "option rate: a batch of 20 events takes as many starts at once, and the limit is 10: set `batch.size` to 10 at the " +
    "most, or a higher `rate.limit` for a longer `rate.per`",
  ],
  [
    { batch: { size: 2 }, rate: { limit: 10, per: "1s", by: () => "key" } },
    "option rate: with `batch` it takes no `by`: the events of a batch begin together, and those of one key would wait " +
    "for the starts of another. Leave out `rate.by`, or `batch`",
  ],
  [{ breaker: { shared: "yes" } }, 'option breaker.shared: "yes" is neither true nor false'],
  [
    { concurrency: { limit: 9, perKey: 2 } },
    "option concurrency.by: undefined is not a function, such as `(event) => event.data.tenant`",
  ],
  [{ concurrency: { by: () => "k" } }, "option concurrency.perKey: undefined is not a whole number from 1"],
  [
    { concurrency: { perKey: 1, by: async () => await Promise.resolve("k") } },
    "option concurrency.by: it is async, and must return text at once: decide by the event alone",
  ],
  [
    { concurrency: { limit: 2, perKey: 3, by: () => "k" } },
    "option concurrency.perKey: it is above `limit`, so that no key would ever have its share: give a lower one, or " +
    "leave `by` out",
  ],
  [
    { concurrency: { perkey: 2, perKey: 2, by: () => "k" } },
    'unknown option concurrency.perkey: did you mean "perKey"?',
  ],
  [
    { concurrency: { max: 8, target: "1s", by: () => "k" } },
    "option concurrency: { limit, perKey, by } and { min, max, target } do not go together: choose one",
  ],
  [
    { concurrency: { min: 8, max: 8, target: "1s" } },
    "option concurrency.max: it is not above `min`: for a fixed number give just that, as in `concurrency: 16`",
  ],
  [
    { concurrency: { max: 8, target: "soon" } },
    `option concurrency.target: "soon" is not a duration above zero: ${HELP}`,
  ],
  [
    { concurrency: { max: 8, target: "20s" } },
    "option concurrency.target: it is not below the timeout of 20s, so that no attempt would ever take too long: give " +
    "a shorter one",
  ],
  [
    { concurrency: { perKey: 2, by: () => "k" }, batch: { size: 9 } },
    "option concurrency: `limit`, `perKey` and `by` do not go with `batch`: give a number of batches, or leave `batch` " +
    "out",
  ],
  [
    { concurrency: { max: 8, target: "1s" }, batch: { size: 9 } },
    "option concurrency: `min`, `max` and `target` do not go with `batch`: give a number of batches, or leave `batch` " +
    "out",
  ],
  [{ breaker: { halfOpenProbes: 0 } }, "option breaker.halfOpenProbes: 0 is not a whole number from 1"],
  [{ retry: { factor: 0.5 } }, "option retry.factor: 0.5 is not a number from 1"],
  [{ retry: { factor: Infinity } }, "option retry.factor: Infinity is not a number from 1"],
  [
    { retry: { initial: "5m" } },
    "option retry.initial: 5m is longer than `retry.max`, 1m, which limits every wait: give a longer `max` too",
  ],
  [
    { retry: { initial: "2s", max: "1s" } },
    "option retry.initial: 2s is longer than `retry.max`, 1s, which limits every wait: give a longer `max` too",
  ],
  [{ retry: { jitter: "half" } }, 'option retry.jitter: "half" is neither "full" nor "none"'],
  [{ timeout: 5n }, `option timeout: 5n is not a duration above zero: ${HELP}`],
  [{ timeout: "soon" }, `option timeout: "soon" is not a duration above zero: ${HELP}`],
  [{ timeout: 0 }, `option timeout: 0 is not a duration above zero: ${HELP}`],
  [{ from: "newest" }, 'option from: "newest" is none of "all", "new" and { since }, as in { since: "1h" }'],
  [{ maxAge: "-1s" }, `option maxAge: "-1s" is not a duration above zero: ${HELP}`],
  [
    { idempotency: { ttl: "10ms" } },
    "option idempotency.ttl: 10ms is too short: NATS counts it in whole seconds, so give at least one",
  ],
  [{ where: "total > 0" }, 'option where: "total > 0" is not a function, such as `(event) => event.data.total > 0`'],
  [
    { where: async () => await Promise.resolve(true) },
    "option where: it is async, and must return true or false at once: decide by the event alone",
  ],
  [
    { rate: { limit: 1, per: "50ms" } },
    "option rate.per: 50ms is too short: give at least 100ms, with a limit that is higher in proportion",
  ],
  [
    { debounce: { quiet: "500ms" } },
    "option debounce.quiet: 500ms is too short: the server's schedules are not that exact, so give at least 1s",
  ],
  [
    { debounce: { quiet: "10s", max: "5s" } },
    "option debounce.max: it is shorter than `quiet`, so that no event would wait for `quiet`: give a longer one, or " +
    "leave it out",
  ],
  [
    { debounce: { quiet: "10s" }, maxAge: "10s" },
    "option maxAge: it is not above `debounce.quiet`, so that every event would be too old: give a higher one",
  ],
  [{ debounce: { quiet: "10s", bye: 1 } }, 'unknown option debounce.bye: did you mean "by"?'],
  [{ rate: { limit: 0, per: "1s" } }, "option rate.limit: 0 is not a whole number from 1"],
  [{ rate: { limit: 1 } }, `option rate.per: undefined is not a duration above zero: ${HELP}`],
  [{ rate: { limit: 1, per: "1s", limits: 1 } }, 'unknown option rate.limits: did you mean "limit"?'],
  [
    { rate: { limit: 1, per: "1s", by: "tenant" } },
    'option rate.by: "tenant" is not a function, such as `(event) => event.data.tenant`',
  ],
  [
    { rate: { limit: 1, per: "1s", by: async () => await Promise.resolve("k") } },
    "option rate.by: it is async, and must return text at once: decide by the event alone",
  ],
  [{ idempotency: { key: "orderId" } }, "option idempotency.key: not a function"],
  [{ idempotency: { keys: 1 } }, 'unknown option idempotency.keys: did you mean "key"?'],
  [{ retry: { initial: "1 s" } }, `option retry.initial: "1 s" is not a duration above zero: ${HELP}`],
  [{ retry: { max: "1w" } }, `option retry.max: "1w" is not a duration above zero: ${HELP}`],
  [{ breaker: { interval: null } }, `option breaker.interval: null is not a duration above zero: ${HELP}`],
  [
    { dependencies: { Pay: { openFor: "0s" } } },
    `option dependencies.Pay.openFor: "0s" is not a duration above zero: ${HELP}`,
  ],
];
for (const [options, problem] of rows) {
  Deno.test(`resolvePolicy refuses: ${problem}`, () => assert.deepEqual(problems(options), [problem]));
}

const refused: [options: object, where: string][] = [
  [{ retry: { attempts: 0 } }, "option retry.attempts: "],
  [{ retry: { attempts: 1.5 } }, "option retry.attempts: "],
  [{ retry: { attempts: Infinity } }, "option retry.attempts: "],
  [{ retry: { factor: 0.5 } }, "option retry.factor: "],
  [{ retry: { jitter: "half" } }, "option retry.jitter: "],
  [{ retry: null }, "option retry: "],
  [{ concurrency: 0 }, "option concurrency: "],
  [{ maxHops: 0 }, "option maxHops: "],
  [{ concurrency: "16" }, "option concurrency: "],
  [{ breaker: false }, "option breaker: "],
  [{ breaker: { consecutiveFailures: 0 } }, "option breaker.consecutiveFailures: "],
  [{ breaker: { halfOpenProbes: -1 } }, "option breaker.halfOpenProbes: "],
  [{ dependencies: { Pay: { halfOpenProbes: 0 } } }, "option dependencies.Pay.halfOpenProbes: "],
  [{ dependencies: [] }, "option dependencies: "],
  [{ from: "newest" }, "option from: "],
  [{ from: { since: "0s" } }, "option from: "],
  [{ from: { since: "1h", until: "2h" } }, "option from: "],
  [{ from: null }, "option from: "],
];
for (const [options, where] of refused) {
  Deno.test(`resolvePolicy refuses ${JSON.stringify(options)} by the option's name`, () => {
    const found = problems(options);
    assert.equal(found.length, 1);
    assert.ok(found[0].startsWith(where) && found[0].length > where.length, found[0]);
  });
}

Deno.test("resolvePolicy names every wrong option at once", () => {
  const found = problems({ tymeout: 1, timeout: "x", retry: { attempts: 0 }, breaker: { openfor: 1 } });
  assert.deepEqual(found.map((line) => line.split(":")[0]).sort(), [
    "option retry.attempts",
    "option timeout",
    "unknown option breaker.openfor",
    "unknown option tymeout",
  ]);
});

Deno.test("resolvePolicy does not change the author's object", () => {
  const given = { on: "orders.>", emits: [], retry: { initial: "1s" }, dependencies: { Pay: {} } } as const;
  const before = structuredClone(given);
  const resolved = resolvePolicy(given);
  assert.deepEqual(given, before);
  assert.ok(resolved.ok);
  assert.notEqual(resolved.policy.dependencies.Pay, given.dependencies.Pay);
});

Deno.test("DEFAULT_BREAKER is the policy of a breaker without options", () => {
  assert.deepEqual(DEFAULT_BREAKER, {
    consecutiveFailures: 10,
    intervalMs: 60_000,
    openForMs: 30_000,
    halfOpenProbes: 1,
  });
});
