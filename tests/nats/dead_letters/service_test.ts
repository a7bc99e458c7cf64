import assert from "node:assert/strict";
import { AckPolicy } from "@nats-io/jetstream";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { ParkedLetters } from "../../../runtime/nats/dead_letters/parked_letters.ts";
import { DeadLetterService } from "../../../runtime/nats/dead_letters/service.ts";
import { retryDurable } from "../../../runtime/nats/retry/resources.ts";
import { delivery } from "../../support/deliveries.ts";
import { rejected, startSettling } from "../../support/settling.ts";
import { setClock } from "../../support/skewed_date.ts";

for (const offByMs of [0, 3_600_000, -3_600_000]) {
  Deno.test(`DeadLetterService.list judges ages by the server's clock, on a host whose clock is ${offByMs} ms off`, async () => {
    await using settling = await startSettling();
    using _ = setClock(offByMs);
    await settling.deadLetters.store("handle", delivery(), rejected("no"));
    const { nc, jsm, publisher: messages } = settling, service = new DeadLetterService({ nc, jsm, messages });
    const count = async (ages: { olderThanMs?: number; newerThanMs?: number }) =>
      (await Array.fromAsync(service.list(ages))).length;
    assert.equal(await count({ olderThanMs: 60_000 }), 0);
    assert.equal(await count({ newerThanMs: 60_000 }), 1);
    assert.equal(await count({ olderThanMs: 0 }), 1);
  });
}

/** Stores dead letters of a key, of which the first parks it. Returns their service, and the sequences that are left. */
async function startParked(settling: Awaited<ReturnType<typeof startSettling>>, count: number) {
  const { nc, jsm, publisher: messages, deadLetters } = settling;
  const { stream, consumer, filters } = retryDurable("handle", NO_NAMESPACE);
  await jsm.consumers.add(stream, {
    durable_name: consumer,
    filter_subjects: [...filters],
    ack_policy: AckPolicy.Explicit,
  });
  for (let sequence = 1; sequence <= count; sequence++) {
    const reason = sequence === 1 ? "attempts-exhausted" : "parked";
    await deadLetters.store("handle", { ...delivery(), sequence }, { ...rejected("no"), reason, orderKey: "a" });
  }
  const service = new DeadLetterService({ nc, jsm, messages }, () => Promise.resolve(true));
  const left = async () => (await Array.fromAsync(service.list({}))).map(({ sequence }) => sequence);
  return { service, left };
}

/** Subjects on which a redriven dead letter waits: for its function, and then in a partition. */
const RETURNING = (sequence: number) => [
  `retries.redriven.handle.${sequence}.orders.created`,
  `retries.partition.handle.2.1.${sequence}`,
];

Deno.test("DeadLetterService.discard sends back what was parked behind a dead letter, unless a redrive of that was interrupted", async (t) => {
  for (const subject of [undefined, ...RETURNING(1)]) {
    await t.step(subject ? `with an interrupted redrive at ${subject}` : "without one", async () => {
      await using settling = await startSettling();
      const { service, left } = await startParked(settling, 2);
      if (subject) await settling.nc.request(subject, "{}", { timeout: 30_000 });
      assert.equal(await service.discard(1), true);
      assert.deepEqual(await left(), subject ? [2] : []);
    });
  }
});

Deno.test("DeadLetterService.sendParked sends back no event of a key while another one of it returns", async (t) => {
  for (const [i, where] of ["for its function", "in a partition"].entries()) {
    await t.step(`which waits ${where}`, async () => {
      await using settling = await startSettling();
      const { nc, jsm } = settling, { service, left } = await startParked(settling, 3), parked = new Map();
      assert.equal(await service.discard(1, parked), true);
      await service.redrive(2, true); // by the process that receives the events, which has looked meanwhile
      if (i === 1) {
        const [redriven, assigned] = RETURNING(2),
          sent = await jsm.streams.getMessage("RETRIES", { last_by_subj: redriven });
        sent!.header.set("Nats-Msg-Id", "assigned");
        sent!.header.delete("Nats-Expected-Last-Subject-Sequence");
        await nc.request(assigned, sent!.data, { headers: sent!.header, timeout: 30_000 });
        await jsm.streams.deleteMessage("RETRIES", sent!.seq);
      }
      await service.sendParked(parked);
      assert.deepEqual(await left(), [3]);
    });
  }
});

Deno.test("ParkedLetters.find finds a dead letter, and one that returns for its function or in any partition", async () => {
  await using settling = await startSettling();
  const { service } = await startParked(settling, 1), parked = new ParkedLetters(service);
  assert.equal(await parked.find("handle", 1), "dead-letter");
  assert.equal(await parked.find("handle", 7), undefined);
  for (const [i, subject] of [...RETURNING(7), ...RETURNING(8)].entries()) {
    if (i === 0 || i === 3) await settling.nc.request(subject, "{}", { timeout: 30_000 });
  }
  for (const sequence of [7, 8]) assert.equal(await parked.find("handle", sequence), "returning");
});
