import type { ConsumerInfo, JetStreamAccountStats, StreamInfo } from "@nats-io/jetstream";
import type { MemoryLimits } from "../app/memory_limit.ts";
import type { Config } from "../app/config.ts";
import type { Namespace } from "../core/namespace.ts";
import type { Origins } from "../nats/topology/foreign_stream.ts";
import type { ServerInfo } from "../nats_server/probe.ts";
import type { Registry } from "../project/registry.ts";

/** A value that was looked up, or the reason why it could not be. */
export type Known<Value> = { readonly value: Value } | { readonly unknown: string };

export interface ClusterFacts {
  readonly servers: readonly ServerProbe[];
  readonly connection: Known<Connection>;
  readonly user: Known<UserPermissions>;
  readonly account: Known<JetStreamAccountStats>;
  /** The existing streams of the project and of Weir, by name. */
  readonly streams: Known<ReadonlyMap<string, StreamInfo>>;
  /** The existing streams that the project names and does not own, with the streams that tell what they store. */
  readonly foreign: Known<ForeignStreams>;
  /** All consumers of these streams, including the consumers of other clients. */
  readonly consumers: Known<readonly ConsumerInfo[]>;
  /** The streams and consumers that doctor may not read, each with the reason. */
  readonly unreadable: readonly string[];
  /** The streams and consumers whose leader does not answer, each with the reason. */
  readonly unanswered: readonly string[];
  /** The offset of the server's clock from this host's, and the bound of its error. */
  readonly clock: Known<{ readonly aheadMs: number; readonly errorMs: number }>;
  readonly deadLetters: Known<DeadLetterCounts>;
  readonly delayedRetries: Known<ReadonlyMap<string, number>>;
  /** The warnings that `plan` gives of events that wait. */
  readonly changes: Known<readonly string[]>;
}

export interface ForeignStreams {
  readonly streams: ReadonlyMap<string, StreamInfo>;
  readonly origins: Origins;
}

/** Everything that the rules read. It is gathered before the first rule runs. */
export interface Facts extends ClusterFacts {
  /** The names in NATS of the configured namespace; without one if the configuration is invalid. */
  readonly names: Namespace;
  /** The names of all environment variables that are set. */
  readonly variables: readonly string[];
  /** Whether `NATS_URL` is unset: then `dev` runs the server, and the public listener is on loopback. */
  readonly dev: boolean;
  readonly configProblems: readonly string[];
  readonly config: Known<Config>;
  readonly projectProblems: readonly string[];
  readonly project: Known<Registry>;
  readonly collectors: readonly CollectorProbe[];
  /** Undefined if the process has no memory limit, or may not ask. */
  readonly memory: MemoryLimits | undefined;
}

/** An OTLP endpoint, and the result of a request to it. */
export interface CollectorProbe {
  readonly variable: string;
  readonly url: string;
  /** Undefined if the endpoint answered by HTTP. */
  readonly problem?: string;
}

/** A NATS server's `INFO`, which it sends on connect, or the reason why there is none. */
export interface ServerProbe {
  readonly address: string;
  /** Whether `NATS_URL` names the server. The cluster announced the others. */
  readonly configured: boolean;
  readonly info?: ServerInfo;
  readonly problem?: string;
}

export interface Connection {
  readonly server: string;
  readonly version: string;
  readonly cluster: string | undefined;
  readonly maxPayload: number;
  readonly encrypted: boolean;
}

/** The permissions of a NATS user, as the server reports them. An absent list sets no limit. */
export interface UserPermissions {
  readonly user: string;
  readonly publish?: SubjectLists;
  readonly subscribe?: SubjectLists;
}

interface SubjectLists {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

/** The stored dead letters. */
export interface DeadLetterCounts {
  readonly count: number;
  readonly oldestAt: string | undefined;
  /** The number of dead letters whose reason was read, oldest first. */
  readonly read: number;
  readonly reasons: Readonly<Record<string, number>>;
}

/** Ends a rule that needs an unknown fact. */
export class NotKnown extends Error {
  readonly code = "not-known";
}

/** Returns the connection. @throws {NotKnown} if there is none. The rule `connection` reports why. */
export function connected({ connection }: Pick<Facts, "connection">): Connection {
  if ("unknown" in connection) throw new NotKnown("there is no connection to NATS");
  return connection.value;
}

/** Returns the value of a fact. @throws {NotKnown} if it is unknown. */
export function known<Value>(fact: Known<Value>): Value {
  if ("unknown" in fact) throw new NotKnown(fact.unknown);
  return fact.value;
}
