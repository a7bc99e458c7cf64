import assert from "node:assert/strict";
import type { AttemptStore } from "../../runtime/engine/attempt_store.ts";
import type { Publisher } from "../../runtime/engine/publisher.ts";
import type { Settler } from "../../runtime/engine/settler.ts";
import { DeadLetters } from "../../runtime/nats/dead_letters/dead_letters.ts";
import type { Plant } from "./compose.ts";
import { find, simulate } from "./simulate.ts";

/** So many schedules must be enough to find each of these. */
const ENOUGH = 4_000;
const NOWHERE = { stream: "", sequence: 0, duplicate: false };

/** Says that it is stored while it is still on its way. */
const hastyPublisher = (right: Publisher): Publisher => ({
  publish: (event, listener, options) => {
    right.publish(event, { stored() {}, failed() {} }, options);
    listener.stored(NOWHERE);
  },
});

class HastyDeadLetters extends DeadLetters {
  override store(...what: Parameters<DeadLetters["store"]>): ReturnType<DeadLetters["store"]> {
    super.store(...what).catch(() => {});
    return Promise.resolve(NOWHERE);
  }
}

/** Counts what a shutdown broke off as if it had failed. */
const strictSettler = (right: Settler): Settler => ({
  settle(functionName, delivery, outcome, progress) {
    if (outcome.kind !== "retry" || outcome.reason !== "shutdown" || !progress) {
      return right.settle(functionName, delivery, outcome, progress);
    }
    const attempts = progress.attempts + 1;
    return right.settle(functionName, delivery, { ...outcome, usesAttempt: true }, { ...progress, attempts });
  },
  extend: (delivery) => right.extend(delivery),
});

/** Names a dead letter by the place it was delivered from, which an event and its delayed retry have not in common. */
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

/** Says that counts are written, and forgets them. */
const forgetful = (right: AttemptStore): AttemptStore => ({
  read: (functionName, delivery) => right.read(functionName, delivery),
  write: () => Promise.resolve(),
});

/** Each is wrong in the way it says, and is found by what it leads to. */
const BUGS: readonly (readonly [what: string, plant: Plant, leadsTo: RegExp])[] = [
  [
    "an acknowledgement before the emitted events are stored",
    { publisher: hastyPublisher },
    /handled, but \d of its \d events are stored/,
  ],
  [
    "a termination before the dead letter is stored",
    { deadLetters: ({ publisher, duplicates }) => new HastyDeadLetters(publisher, duplicates) },
    /lost: neither handled nor a dead letter|no dead letter, though it could not end otherwise/,
  ],
  [
    "an attempt counted on shutdown",
    { settler: strictSettler },
    /ended before its attempts were used up|a dead letter, though it would have succeeded|used \d attempts/,
  ],
  [
    "a dead letter of an event and another of its delayed retry",
    { deadLetters: ({ publisher, duplicates }) => new PlacedDeadLetters(publisher, duplicates) },
    /\d dead letters/,
  ],
  ["attempts that are not written down", { attempts: forgetful }, /stuck|run \d+ times|used \d+ attempts/],
];

for (const [what, plant, leadsTo] of BUGS) {
  Deno.test(`planted: ${what} is found, and found again by its seed`, async () => {
    const seed = await find(1, ENOUGH, plant);
    assert.ok(seed !== undefined, `not found in ${ENOUGH} schedules`);
    const { problems } = await simulate(seed, plant);
    assert.match(problems.join("\n"), leadsTo);
    assert.deepEqual((await simulate(seed)).problems, [], "without the bug the same schedule ends as it must");
  });
}
