import { Namespace } from "../../runtime/core/namespace.ts";
import assert from "node:assert/strict";
import type { ConsumerInfo, StreamInfo } from "@nats-io/jetstream";
import { defineEvent, defineFunction } from "weir";
import { z } from "zod";
import { readConfig } from "../../runtime/app/config.ts";
import type { Facts } from "../../runtime/doctor/facts.ts";
import { type Examination, examine, type Finding } from "../../runtime/doctor/examine.ts";
import { RULES } from "../../runtime/doctor/rules/all.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";

type Fn = Parameters<typeof registryOf>[0][string];
type Options = Partial<Omit<Parameters<typeof defineFunction>[0], "on">>;

export const Made = defineEvent({ type: "orders.made", version: 1, data: z.object({}), ingress: {} });
export const Sent = defineEvent({ type: "orders.sent", version: 1, data: z.object({}) });

/** Defines a function on `orders.made` that emits `orders.sent`. */
export const ship = (options: Options = {}): Fn =>
  defineFunction({ on: Made, emits: [Sent], timeout: "10s", ...options }, () => {}) as Fn;

/** Makes a project of functions, by name. */
export const projectOf = (functions: Record<string, Fn>, schemas: readonly unknown[] = []) => ({
  value: registryOf(functions, schemas),
});

/** Makes a configuration of environment variables. */
export const configOf = (env: Record<string, string> = {}) => ({
  value: readConfig({
    get: (name) => ({ HOST: "127.0.0.1", ...env } as Record<string, string | undefined>)[name],
    readFile: () => "",
  }),
});

/** Makes the info of a stream that Weir created in a cluster, with changes. */
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

/** Makes the info of a consumer that Weir created, with changes. */
export function consumer(name: string, config: Partial<ConsumerInfo["config"]> = {}, more = {}): ConsumerInfo {
  const made = { durable_name: name, ack_policy: "explicit", ack_wait: 15e9, max_deliver: -1, max_ack_pending: 1_000 };
  return { stream_name: "ORDERS", name, config: { ...made, ...config }, ...more } as unknown as ConsumerInfo;
}

/** Makes the streams of a project, by name, with changes. */
export const streams = (...all: StreamInfo[]) => ({
  value: new Map([
    ...["ORDERS", "DEAD_LETTERS", "RETRIES", "KV_weir_attempts"].map((name) => [name, stream(name)] as const),
    ...all.map((one) => [one.config.name, one] as const),
  ]),
});

/** Makes the probe of a server in a cluster of three. */
export const serverProbe = (name: string, info = {}) => ({
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

/** Limits of an account that has none. */
export const NO_LIMITS = {
  max_storage: -1,
  max_memory: -1,
  max_streams: -1,
  max_consumers: -1,
  max_bytes_required: false,
};

/** Makes facts that violate no rule, with changes. */
export function facts(given: Partial<Facts> = {}): Facts {
  const account = { storage: 0, memory: 0, streams: 0, consumers: 0, limits: NO_LIMITS } as unknown;
  return {
    names: new Namespace(undefined, "shop"),
    variables: ["PATH", "WEIR_WORKERS"],
    dev: false,
    configProblems: [],
    config: configOf(),
    projectProblems: [],
    project: projectOf({ ship: ship() }),
    collectors: [],
    memory: { heap: 268 * 2 ** 20, group: 512 * 2 ** 20 },
    servers: ["a", "b", "c"].map((name) => serverProbe(name)),
    connection: {
      value: { server: "a", version: "2.15.1", cluster: "C", maxPayload: 1_048_576, encrypted: false },
    },
    user: { value: { user: "weir" } },
    account: { value: account as never },
    streams: streams(),
    foreign: { value: { streams: new Map(), origins: new Map() } },
    consumers: { value: [consumer("ship"), consumer("ship", {}, { stream_name: "RETRIES" })] },
    unreadable: [],
    unanswered: [],
    clock: { value: { aheadMs: 3, errorMs: 1 } },
    deadLetters: { value: { count: 0, oldestAt: undefined, read: 0, reasons: {} } },
    delayedRetries: { value: new Map([["ship", 0]]) },
    changes: { value: [] },
    ...given,
  };
}

/** Applies every rule to facts. */
export const examined = (given: Partial<Facts>): Examination => examine(facts(given), RULES);

/** Returns a finding in one line. */
export const line = ({ check, severity, what }: Finding): string => `${check} ${severity}: ${what}`;

/** A case for the rules: the rule, the situation, its facts, and the findings. */
type Case = readonly [rule: string, situation: string, given: Partial<Facts>, findings: readonly RegExp[]];

/** Tests the findings of all rules on each case. */
export function testRules(cases: readonly Case[]): void {
  for (const [rule, situation, given, expected] of cases) {
    Deno.test(`${rule}: ${situation}`, () => {
      const found = examined(given).findings.filter(({ unchecked }) => !unchecked).map(line);
      assert.equal(found.length, expected.length, found.join("\n"));
      for (const [i, pattern] of expected.entries()) assert.match(found[i], pattern);
    });
  }
}
