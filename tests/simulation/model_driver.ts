import type { Driver } from "./conformance_driver.ts";
import type { ModelConsumer } from "./consumer_model.ts";
import { type Header, JetStreamModel } from "./model.ts";

const UTF8 = new TextEncoder(), TEXT = new TextDecoder();

/** Returns a driver of a new model with virtual time. */
export function modelDriver(): Driver {
  const model = new JetStreamModel(), consumers = new Map<string, ModelConsumer>();
  let nowMs = Date.UTC(2026, 0, 1);
  const done = <Value>(value: Value): Promise<Value> => Promise.resolve(value);
  const passUntil = (untilMs: number, stop: () => boolean): void => {
    while (!stop()) {
      const next = Math.min(model.nextMs(nowMs), untilMs);
      nowMs = Math.max(nowMs, next);
      model.tick(nowMs);
      if (nowMs >= untilMs) return;
    }
  };
  return {
    addStream: (options) => done(model.addStream(options)),
    deleteStream: (name) => done(model.deleteStream(name)),
    addConsumer(stream, options) {
      consumers.set(`${stream}.${options.name}`, model.addConsumer(stream, options));
      return done(undefined);
    },
    publish(subject, headers = {}, body = "") {
      const ack = model.publish(subject, UTF8.encode(body), Object.entries(headers) as Header[], nowMs);
      model.tick(nowMs);
      return done(ack ?? { error: { errCode: 503, description: `no stream stores ${subject}` } });
    },
    next(stream, consumer, withinMs) {
      passUntil(nowMs + withinMs, () => consumers.get(`${stream}.${consumer}`)!.hasNext(nowMs));
      const delivery = model.next(stream, consumer, nowMs);
      if (!delivery) return done(undefined);
      const { message: { subject, headers, payload }, reply, deliveries } = delivery;
      return done({ subject, reply, deliveries, headers: Object.fromEntries(headers), body: TEXT.decode(payload) });
    },
    ack: ({ reply }, body) => done(model.ack(reply, body, nowMs)),
    subjects: (stream) => done(model.messages(stream).map(({ subject }) => subject)),
    deleteMessage: (stream, seq) => done(model.deleteMessage(stream, seq)),
    ackPending: (stream, consumer) => done(consumers.get(`${stream}.${consumer}`)!.ackPending),
    nowMs: () => nowMs,
    wait: (ms) => done(passUntil(nowMs + ms, () => false)),
  };
}
