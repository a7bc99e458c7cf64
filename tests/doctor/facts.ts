import type { ConsumerInfo, StreamInfo } from "@nats-io/jetstream";
import { defineEvent, defineFunction } from "weir";
import { z } from "zod";
import { readConfig } from "../../runtime/app/config.ts";
import type { Facts } from "../../runtime/doctor/facts.ts";
import { type Examination, examine, type Finding } from "../../runtime/doctor/rule.ts";
import { RULES } from "../../runtime/doctor/rules/all.ts";
import { registryOf } from "../../runtime/testing/modules.ts";

type Fn = Parameters<typeof registryOf>[0][string];
type Options = Partial<Omit<Parameters<typeof defineFunction>[0], "on">>;

export const Made = defineEvent({ type: "orders.made", version: 1, data: z.object({}), ingress: {} });
export const Sent = defineEvent({ type: "orders.sent", version: 1, data: z.object({}) });

/** A function on `orders.made` that emits `orders.sent`, with these options. */
export const ship = (options: Options = {}): Fn =>
  defineFunction({ on: Made, emits: [Sent], timeout: "10s", ...options }, () => {}) as Fn;

/** A project of these functions, by name. */
export const projectOf = (functions: Record<string, Fn>, schemas: readonly unknown[] = []) => ({
  value: registryOf(functions, schemas),
});

/** The configuration of these variables. */
export const configOf = (env: Record<string, string> = {}) => ({
  value: readConfig({
    get: (name) => ({ HOST: "127.0.0.1", ...env } as Record<string, string | undefined>)[name],
    readFile: () => "",
  }),
});

/** A stream as the server tells of it: one that Weir made in a cluster, but for what is given. */
export function stream(name: string, config: Partial<StreamInfo["config"]> = {}, state = {}): StreamInfo {
  const own = name === "RETRIES" ? { retention: "workqueue", allow_msg_schedules: true, discard: "old" } : {};
  const made = {
    name,
    subjects: [`${name.toLowerCase()}.>`],
    retention: "limits",
    storage: "file",
    discard: "new",
    num_replicas: 3,
    max_age: name === "ORDERS" ? 7 * 86_400e9 : 0,
    max_bytes: -1,
    max_msgs: -1,
    max_msgs_per_subject: -1,
    max_msg_size: -1,
    duplicate_window: 120e9,
  };
  return {
    config: { ...made, ...own, ...config },
    state: { messages: 0, bytes: 0, ...state },
  } as unknown as StreamInfo;
}

/** A consumer as the server tells of it: one that Weir made, but for what is given. */
export function consumer(name: string, config: Partial<ConsumerInfo["config"]> = {}, more = {}): ConsumerInfo {
  const made = { durable_name: name, ack_policy: "explicit", ack_wait: 15e9, max_deliver: -1, max_ack_pending: 1_000 };
  return { stream_name: "ORDERS", name, config: { ...made, ...config }, ...more } as unknown as ConsumerInfo;
}

/** Streams by name. */
export const streams = (...all: StreamInfo[]) => ({
  value: new Map([
    ...["ORDERS", "DEAD_LETTERS", "RETRIES", "KV_weir_attempts"].map((name) => [name, stream(name)] as const),
    ...all.map((one) => [one.config.name, one] as const),
  ]),
});

/** A server as it greets. */
export const greeting = (name: string, info = {}) => ({
  address: `${name}:4222`,
  configured: true,
  info: {
    server_id: name,
    server_name: name,
    version: "2.15.1",
    cluster: "C",
    jetstream: true,
    max_payload: 1_048_576,
    ...info,
  },
});

/** Facts of which no rule has anything to say, but for what is given. */
export function facts(given: Partial<Facts> = {}): Facts {
  const limits = { max_storage: -1, max_memory: -1, max_streams: -1, max_consumers: -1, max_bytes_required: false };
  const account = { storage: 0, memory: 0, streams: 0, consumers: 0, limits } as unknown;
  return {
    variables: ["PATH", "WEIR_WORKERS"],
    dev: false,
    configProblems: [],
    config: configOf(),
    projectProblems: [],
    project: projectOf({ ship: ship() }),
    collectors: [],
    servers: ["a", "b", "c"].map((name) => greeting(name)),
    connection: {
      value: { server: "a", version: "2.15.1", cluster: "C", maxPayload: 1_048_576, encrypted: false },
    },
    user: { value: { user: "weir" } },
    account: { value: account as never },
    streams: streams(),
    consumers: { value: [consumer("ship"), consumer("ship", {}, { stream_name: "RETRIES" })] },
    unread: [],
    clock: { value: { aheadMs: 3, withinMs: 1 } },
    deadLetters: { value: { count: 0, oldestAt: undefined, read: 0, reasons: {} } },
    delayedRetries: { value: new Map([["ship", 0]]) },
    ...given,
  };
}

/** What all rules say of facts. */
export const examined = (given: Partial<Facts>): Examination => examine(facts(given), RULES);

/** The same as lines: check, severity and what. */
export const lines = (given: Partial<Facts>): string[] => examined(given).findings.map(line);

/** A finding in one line. */
export const line = ({ check, severity, what }: Finding): string => `${check} ${severity}: ${what}`;
