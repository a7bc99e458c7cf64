import assert from "node:assert/strict";
import type { RetryReason } from "../../runtime/core/outcome.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import type { AttemptStore } from "../../runtime/engine/attempt_store.ts";
import type { Publisher } from "../../runtime/engine/publisher.ts";
import type { ServerClock } from "../../runtime/engine/clock.ts";
import { type Lease, type Leases, UNLIMITED } from "../../runtime/engine/leases.ts";
import type { OrderSource } from "../../runtime/engine/order_source.ts";
import type { ParkedEvents } from "../../runtime/engine/parked_events.ts";
import type { PartitionStore } from "../../runtime/engine/partition_store.ts";
import type { RateStore } from "../../runtime/engine/rate_store.ts";
import type { Settler } from "../../runtime/engine/settler.ts";
import { DeadLetters } from "../../runtime/nats/dead_letters/dead_letters.ts";
import type { PlantedBug } from "./compose.ts";
import type { Settings } from "./settings.ts";
import { findSeed, simulate } from "./simulate.ts";

/** The number of schedules that must suffice to find each bug. */
const ENOUGH = 4_000;
/** The problem of a process that has stood still, and goes on with an event that another one has received. */
const LOST = /settled it, though its lease had expired/;
const NOWHERE = { stream: "", sequence: 0, duplicate: false };

/** Reports an event as stored before JetStream has acked it. */
const hastyPublisher = (inner: Publisher): Publisher => ({
  publish: (event, listener, options) => {
    inner.publish(event, { stored() {}, failed() {} }, options);
    listener.stored(NOWHERE);
  },
});

/** Reports a dead letter as stored before JetStream has acked it. */
class HastyDeadLetters extends DeadLetters {
  override store(...what: Parameters<DeadLetters["store"]>): ReturnType<DeadLetters["store"]> {
    super.store(...what).catch(() => {});
    return Promise.resolve(NOWHERE);
  }
}

/** Knows of no key that another process has parked. */
const forgettingKeys = (inner: ParkedEvents): ParkedEvents => ({
  stored: (functionName) => inner.stored(functionName),
  load: () => Promise.resolve([]),
  find: (functionName, sequence) => inner.find(functionName, sequence),
  returning: (functionName) => inner.returning(functionName),
  list: (functionName, key) => inner.list(functionName, key),
  sendBack: (sequence) => inner.sendBack(sequence),
});

/** Writes the starts of this process over those of others. */
const greedyRates = (inner: RateStore): RateStore => ({
  read: (functionName, key) => inner.read(functionName, key),
  write: async (functionName, key, { window }, ttlMs) => {
    const { revision } = await inner.read(functionName, key);
    return await inner.write(functionName, key, { window, revision }, ttlMs);
  },
});

/** Counts what is given back for a reason as a failed attempt. */
const strictSettler = (reason: RetryReason) => (inner: Settler): Settler => ({
  settle(functionName, delivery, outcome, usedUp) {
    if (outcome.kind !== "retry" || outcome.reason !== reason || !usedUp) {
      return inner.settle(functionName, delivery, outcome, usedUp);
    }
    const attempts = usedUp.attempts + 1;
    return inner.settle(functionName, delivery, { ...outcome, usesAttempt: true }, { ...usedUp, attempts });
  },
  extend: (delivery) => inner.extend(delivery),
});

/** Sends no in-progress acks. */
const silentSettler = (inner: Settler): Settler => ({
  settle: (...what) => inner.settle(...what),
  extend: () => {},
});

/** Derives the id of a dead letter from the delivered message, which differs between an event and its delayed retry. */
class PlacedDeadLetters extends DeadLetters {
  override store(...what: Parameters<DeadLetters["store"]>): ReturnType<DeadLetters["store"]> {
    const [functionName, { messageKey }] = what;
    const { publisher } = this;
    const renaming = new DeadLetters({
      publish(subject, payload, hdrs) {
        hdrs.set("Nats-Msg-Id", `${functionName}:${messageKey}`);
        return publisher.publish(subject, payload, hdrs);
      },
    }, this.duplicates);
    return renaming.store(...what);
  }
}

/** Reports attempt counts as written without writing them. */
const forgetful = (inner: AttemptStore): AttemptStore => ({
  read: (functionName, delivery) => inner.read(functionName, delivery),
  write: () => Promise.resolve(),
  markPrefetching: (functionName) => inner.markPrefetching(functionName),
});

/** Stores all attempts of an event whose process dies as deaths, also those that failed before. */
const severe = (inner: AttemptStore): AttemptStore => ({
  ...forgetful(inner),
  write: (functionName, delivery, counts) =>
    inner.write(functionName, delivery, counts.isUnended ? { ...counts, deaths: counts.begun } : counts),
});

/** Begins the count of deaths anew after each retry that uses up no attempt. */
const forgivingSettler = (inner: Settler): Settler => ({
  settle(functionName, delivery, outcome, usedUp, claim) {
    const forgiven = usedUp && { ...usedUp, isUnended: undefined, deaths: undefined };
    return inner.settle(functionName, delivery, outcome, forgiven, claim);
  },
  extend: (delivery) => inner.extend(delivery),
});

/** Takes the time of its own process for the server's. */
const selfish = (inner: ServerClock): ServerClock => ({ ...inner, serverNow: () => inner.now() });

/** Returns a delivery with another key of its original. */
function originatingAs(delivery: Delivery, originKey: string | undefined): Delivery {
  const { messageKey, history } = delivery; // a getter, which the spread does not copy
  return { ...delivery, messageKey, history: { ...history, originKey } };
}

/** Begins events after a takeover before all that other processes hold is known. */
const withoutBarrier = (inner: OrderSource): OrderSource => ({
  connect: (sink) => inner.connect(sink),
  look: () => Promise.resolve({ unsettled: {}, position: 0 }),
  follows: () => true,
  isMain: (stream) => inner.isMain(stream),
  owns: () => inner.owns(),
  idleAt: () => inner.idleAt(),
  isLast: () => inner.isLast(),
  stepDown: (forMs) => inner.stepDown(forMs),
  get isHolder() {
    return inner.isHolder;
  },
});

/** Takes no notice of deliveries that went to another process. */
const gapless = (inner: OrderSource): OrderSource => ({
  ...withoutBarrier(inner),
  connect: (sink) => inner.connect({ reset: () => {}, room: () => sink.room(), leavesEvents: false }),
  look: () => inner.look(),
});

/** Asks only once whether a lease has expired: when its delivery arrives, and not after it has waited. */
const askedOnce = (inner: Leases): Leases => ({
  take: (ackSubject) => {
    const lease = inner.take(ackSubject);
    let wasValid: ReturnType<Lease["isValid"]> | undefined;
    return {
      isValid: () => wasValid ??= lease.isValid(),
      renew: (ackSubject) => {
        wasValid = undefined;
        lease.renew(ackSubject);
      },
      release: () => lease.release(),
    };
  },
});

/** Changes the events that partitions store, or what they say of them. */
const partitionsWith = (change: (inner: PartitionStore) => Partial<PartitionStore>) => (inner: PartitionStore) => ({
  store: (...what: Parameters<PartitionStore["store"]>) => inner.store(...what),
  has: (...what: Parameters<PartitionStore["has"]>) => inner.has(...what),
  parkedOf: (...what: Parameters<PartitionStore["parkedOf"]>) => inner.parkedOf(...what),
  ...change(inner),
});

/** Forgets which message an event in a partition was assigned from. */
function withoutSource(delivery: Delivery): Delivery {
  return delivery.sourceAck ? { ...delivery, messageKey: delivery.messageKey, sourceAck: undefined } : delivery;
}

/** Returns whether a schedule can show a bug. */
type IsMeant = (settings: Settings) => boolean;

/** Backoffs are delayed retries in RETRIES. */
const delays: IsMeant = ({ initialMs }) => initialMs >= 5_000;
/** Attempts wait for their key while their replica stands still. */
const standsStillKeyed: IsMeant = ({ isKeyed, faultKinds }) => isKeyed && faultKinds.includes("freeze");

/** Planted bugs, the problems that they lead to, and the schedules that can show them. Default: all. */
const BUGS: readonly (readonly [name: string, bug: PlantedBug, leadsTo: RegExp, isMeant?: IsMeant])[] = [
  [
    "an ack before the emitted events are stored",
    { publisher: hastyPublisher },
    /handled, but \d of its \d events are stored/,
  ],
  [
    "a termination before the dead letter is stored",
    { deadLetters: ({ publisher, duplicates }) => new HastyDeadLetters(publisher, duplicates) },
    /lost: neither handled nor a dead letter|no dead letter, though it cannot succeed/,
  ],
  [
    "an attempt used by a shutdown",
    { settler: strictSettler("shutdown") },
    /ended before its attempts were used|a dead letter, though it would have succeeded|used \d attempts|run \d+ times/,
  ],
  [
    "an attempt used by a delivery that was pulled ahead and given back",
    { settler: strictSettler("prefetched") },
    /ended before its attempts were used|a dead letter, though it would have succeeded|used \d attempts|run \d+ times/,
  ],
  [
    "deliveries that run or wait without in-progress acks",
    { settler: silentSettler },
    /another replica received it while it was held/,
  ],
  [
    "a second dead letter for the delayed retry of an event",
    { deadLetters: ({ publisher, duplicates }) => new PlacedDeadLetters(publisher, duplicates) },
    /\d dead letters/,
    delays,
  ],
  ["a start that narrows what another release needs", { scope: "apply" }, /lost: neither handled nor a dead letter/],
  [
    "a process that goes by its own clock",
    { clock: selfish },
    /its delayed retry came before its time|its dead letter says expired/,
  ],
  [
    "an event without an id identified by its position alone",
    { delivery: (delivery) => originatingAs(delivery, `${delivery.stream}.${delivery.sequence}`) },
    /handled, but \d of its \d events are stored/,
    ({ renews }) => renews, // other events have the same positions
  ],
  [
    "an event without an id identified by the message that carries it back",
    { delivery: (delivery) => originatingAs(delivery, undefined) },
    /handled, but \d of its \d events are stored/,
    delays,
  ],
  [
    "attempt counts that are not written",
    { attempts: forgetful },
    /stuck|run \d+ times|used \d+ attempts|killed its process \d+ times/,
  ],
  [
    "a waiting attempt that moves or runs, though its lease has expired",
    { leases: askedOnce },
    LOST,
    standsStillKeyed,
  ],
  ["leases that do not expire", { leases: () => ({ take: () => UNLIMITED }) }, LOST],
  [
    "an order without a barrier at a takeover",
    { order: withoutBarrier },
    /e\d \(\d\) began before e\d ended|e\d began on replica \d while e\d ran/,
  ],
  [
    "an order that does not notice deliveries to other processes",
    { order: gapless },
    /stuck|e\d \(\d\) began before e\d ended|e\d began on replica \d while e\d ran/,
  ],
  [
    "a takeover that forgets the parked keys",
    { parked: forgettingKeys },
    /stuck|e\d began while e\d parks its key/,
  ],
  [
    "an ack of an event that failed in its batch",
    { ignoresFailures: true },
    /e\d \(\w+\): acked though its run failed/,
  ],
  [
    "a rate that uses up attempts",
    { settler: strictSettler("rate-limited") },
    /used \d attempts|ended before its attempts were used|a dead letter, though it would have succeeded|says \d attempts/,
  ],
  [
    "a rate whose processes overwrite each other's starts",
    { rates: greedyRates },
    /start \d+ exceeds the rate/,
  ],
];

/** Bugs of functions with `onFailure: "block"`. */
const BLOCK_BUGS: typeof BUGS = [
  [
    "a death that ends a blocked event as its failures did not",
    { attempts: severe },
    /ended as crashed after 1 deaths in a row/,
  ],
  [
    "a count of deaths that begins anew after a deferral",
    { settler: forgivingSettler },
    /stuck|killed its process \d+ times/,
  ],
];

/** Bugs of functions whose keys have partitions. */
const PARTITION_BUGS: typeof BUGS = [
  [
    "an ack before a partition has stored the event",
    {
      partitions: partitionsWith((inner) => ({
        store: (...what) => {
          inner.store(...what).catch(() => {});
          return Promise.resolve();
        },
      })),
    },
    /lost: neither handled nor a dead letter/,
  ],
  [
    "events of a key in several partitions",
    {
      partitions: partitionsWith((inner) => ({
        store: (name, { of }, delivery, isMain) =>
          inner.store(name, { index: delivery.sequence % of, of }, delivery, isMain),
      })),
    },
    /e\d \(\d\) began before e\d ended|e\d began on replica \d+ while e\d ran/,
  ],
  [
    "a partition without a barrier at a takeover",
    { partitionOrder: withoutBarrier },
    /e\d \(\d\) began before e\d ended/,
  ],
  [
    "a redelivered event that is assigned again",
    { partitions: partitionsWith(() => ({ has: () => Promise.resolve(false) })) },
    /assigned 2 times/,
  ],
  ["an event that leaves its partition before it is acked", { delivery: withoutSource }, /assigned 2 times/],
];

const TABLES = [
  [BUGS, () => true],
  [PARTITION_BUGS, ({ partitions }: Settings) => partitions > 0],
  [BLOCK_BUGS, ({ blocks }: Settings) => blocks],
] as const;
for (const [bugs, isMeantOfTable] of TABLES) {
  for (const [name, bug, leadsTo, isMeantAlso = () => true] of bugs) {
    const isMeant: IsMeant = (settings) => isMeantOfTable(settings) && isMeantAlso(settings);
    Deno.test(`simulate finds the planted bug, and again by its seed: ${name}`, async () => {
      const seed = await findSeed(1, ENOUGH, bug, leadsTo, isMeant);
      assert.ok(seed !== undefined, `not found in ${ENOUGH} schedules`);
      const { problems } = await simulate(seed, bug);
      assert.match(problems.join("\n"), leadsTo);
      assert.deepEqual((await simulate(seed)).problems, [], "the same schedule without the bug has problems");
    });
  }
}
