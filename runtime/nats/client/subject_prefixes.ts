import {
  jetstream,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
  type JetStreamManagerOptions,
} from "@nats-io/jetstream";
import { createInbox } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";

/** The subjects by which a connection reaches JetStream and gets replies. */
export interface SubjectPrefixes {
  /** Prefix of the JetStream API. A domain, or an import from another account, has its own. @default "$JS.API" */
  readonly api: string;
  /** Prefix of reply subjects. @default "_INBOX" */
  readonly inbox: string;
  /** Domain of the JetStream that answers; "" if it has none. Undefined if it is not known. */
  readonly domain?: string;
}

export const DEFAULT_PREFIXES: SubjectPrefixes = { api: "$JS.API", inbox: "_INBOX" };

const API = /^\$JS\.API(?=\.|$)/, INBOX = /^_INBOX(?=\.|$)/, KV = /^\$KV\./;
const known = new WeakMap<object, SubjectPrefixes>();

export function setPrefixes(nc: object, prefixes: SubjectPrefixes): void {
  known.set(nc, prefixes);
}

export function prefixesOf(nc: object): SubjectPrefixes {
  return known.get(nc) ?? DEFAULT_PREFIXES;
}

/** Returns the API prefix of a JetStream domain. */
export function domainPrefix(domain: string): string {
  return `$JS.${domain}.API`;
}

/**
 * Returns a subject as it is under these prefixes, such as `$JS.hub.API.INFO` for `$JS.API.INFO`. Keys of buckets are
 * published under the API prefix if that is not the default, as other NATS clients do it: `$KV.>` does not leave a
 * domain. Acks keep their subject, which a delivery brings along.
 */
export function prefixed(subject: string, { api, inbox }: SubjectPrefixes): string {
  if (KV.test(subject)) return api === DEFAULT_PREFIXES.api ? subject : `${api}.${subject}`;
  return subject.replace(API, () => api).replace(INBOX, () => inbox);
}

/** Returns a subject of the JetStream API, of a bucket or of an inbox as it is on this connection. */
export function subjectOn(nc: object, subject: string): string {
  return prefixed(subject, prefixesOf(nc));
}

/** Returns a new reply subject. */
export function newInbox(nc: object): string {
  return createInbox(prefixesOf(nc).inbox);
}

export function jetstreamOn(nc: NatsConnection): JetStreamClient {
  return jetstream(nc, { apiPrefix: prefixesOf(nc).api });
}

export function jetstreamManagerOn(
  nc: NatsConnection,
  options: Pick<JetStreamManagerOptions, "timeout"> = {},
): Promise<JetStreamManager> {
  return jetstreamManager(nc, { ...options, checkAPI: false, apiPrefix: prefixesOf(nc).api });
}
