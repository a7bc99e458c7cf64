import { AckPolicy, RetentionPolicy } from "@nats-io/jetstream";
import { createInbox, headers as natsHeaders, type Msg } from "@nats-io/transport-node";
import type { Broker } from "../support/nats.ts";
import type { Driver } from "./conformance_driver.ts";

/** Returns a driver of a real nats-server. */
export function serverDriver({ nc, jsm }: Broker): Driver {
  return {
    async addStream({ name, subjects, workQueue, duplicateWindowMs = 120_000 }) {
      await jsm.streams.add({
        name,
        subjects: [...subjects],
        duplicate_window: duplicateWindowMs * 1e6,
        allow_msg_schedules: true,
        ...(workQueue && { retention: RetentionPolicy.Workqueue }),
      });
    },
    deleteStream: async (name) => void await jsm.streams.delete(name),
    async addConsumer(stream, { name, filters, ackWaitMs, maxAckPending = 1_000 }) {
      await jsm.consumers.add(stream, {
        durable_name: name,
        ack_policy: AckPolicy.Explicit,
        filter_subjects: [...filters],
        ack_wait: ackWaitMs * 1e6,
        max_ack_pending: maxAckPending,
      });
    },
    async publish(subject, headers = {}, body = "") {
      const hdrs = natsHeaders();
      for (const [name, value] of Object.entries(headers)) hdrs.set(name, value);
      const response = await nc.request(subject, body, { headers: hdrs, timeout: 10_000 });
      const { error, stream, seq, duplicate } = response.json<
        { error?: { err_code: number; description: string }; stream: string; seq: number; duplicate?: boolean }
      >();
      if (error) return { error: { errCode: error.err_code, description: error.description } };
      return { stream, seq, duplicate: duplicate === true };
    },
    async next(stream, consumer, withinMs) {
      const inbox = createInbox();
      const { promise, resolve } = Promise.withResolvers<Msg>();
      const subscription = nc.subscribe(inbox, { max: 1, callback: (_, msg) => resolve(msg) });
      const request = { batch: 1, expires: withinMs * 1e6 };
      nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(request), { reply: inbox });
      const msg = await promise;
      subscription.unsubscribe();
      if (!msg.reply?.startsWith("$JS.ACK.")) return undefined; // a status: the pull expired
      const { subject, reply, headers } = msg;
      const entries = [...headers ?? []].map(([name, [value]]) => [name, value]);
      return {
        subject,
        reply,
        deliveries: Number(reply.split(".")[4]),
        headers: Object.fromEntries(entries),
        body: msg.string(),
      };
    },
    async ack({ reply }, body) {
      await nc.request(reply, body, { timeout: 10_000 });
    },
    async subjects(stream) {
      const { state } = await jsm.streams.info(stream), subjects: string[] = [];
      for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
        const message = await jsm.streams.getMessage(stream, { seq }).catch(() => null);
        if (message) subjects.push(message.subject);
      }
      return subjects;
    },
    deleteMessage: (stream, seq) => jsm.streams.deleteMessage(stream, seq, false),
    ackPending: async (stream, consumer) => (await jsm.consumers.info(stream, consumer)).num_ack_pending,
    nowMs: () => Date.now(),
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}
