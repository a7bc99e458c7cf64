import type { ServerInfo } from "../nats_server/probe.ts";
import type { ConsumerInfo, JetStreamAccountStats, StreamInfo } from "@nats-io/jetstream";
import type { Registry } from "../project/registry.ts";
import type { Config } from "../app/config.ts";
import type { UserPermissions } from "./permissions.ts";

/** Something that was looked up, or why it could not be. */
export type Known<Value> = { readonly value: Value } | { readonly unknown: string };

/** Everything the rules look at, gathered before the first of them does. */
export interface Facts {
  /** The names of all environment variables that are set. */
  readonly variables: readonly string[];
  /** Whether `NATS_URL` is left to `dev`: then the public listener is on loopback. */
  readonly dev: boolean;
  readonly configProblems: readonly string[];
  readonly config: Known<Config>;
  readonly projectProblems: readonly string[];
  readonly project: Known<Registry>;
  readonly collectors: readonly Collector[];
  readonly servers: readonly Greeting[];
  readonly connection: Known<Connection>;
  readonly user: Known<UserPermissions>;
  readonly account: Known<JetStreamAccountStats>;
  /** Those of the project and of Weir that there are, by name. */
  readonly streams: Known<ReadonlyMap<string, StreamInfo>>;
  /** All consumers of these streams, whoever made them. */
  readonly consumers: Known<readonly ConsumerInfo[]>;
  /** What of the cluster could not be looked at though the rest could: which, and why. */
  readonly unread: readonly string[];
  readonly clock: Known<ClockReading>;
  readonly deadLetters: Known<WaitingLetters>;
  /** The number of delayed retries of each function. */
  readonly delayedRetries: Known<ReadonlyMap<string, number>>;
}

/** Where telemetry goes, and what came of knocking there. */
export interface Collector {
  readonly variable: string;
  readonly url: string;
  /** Undefined: something answered by HTTP. */
  readonly problem?: string;
}

/** What a server says of itself to whoever connects. */
export interface Greeting {
  readonly address: string;
  /** It is one of `NATS_URL`, and not one that the cluster told of. */
  readonly configured: boolean;
  readonly info?: ServerInfo;
  readonly problem?: string;
}

/** The connection as it was made. */
export interface Connection {
  readonly server: string;
  readonly version: string;
  readonly cluster: string | undefined;
  readonly maxPayload: number;
  readonly encrypted: boolean;
}

/** By how much the server's clock is ahead of ours, and how far that may be from the truth. */
interface ClockReading {
  readonly aheadMs: number;
  readonly withinMs: number;
}

/** The dead letters that wait for somebody. */
export interface WaitingLetters {
  readonly count: number;
  readonly oldestAt: string | undefined;
  /** Of how many the reason was read, oldest first. */
  readonly read: number;
  readonly reasons: Readonly<Record<string, number>>;
}

/** A rule needs what is not known. */
export class NotKnown extends Error {
  readonly code = "not-known";
}

/** The connection. @throws {NotKnown} where there is none; why is told once, by a rule of its own. */
export function connected({ connection }: Pick<Facts, "connection">): Connection {
  if ("unknown" in connection) throw new NotKnown("there is no connection to NATS");
  return connection.value;
}

/** What is known. @throws {NotKnown} which ends the rule: its check could not be made. */
export function known<Value>(fact: Known<Value>): Value {
  if ("unknown" in fact) throw new NotKnown(fact.unknown);
  return fact.value;
}
