/** How to reach NATS. The options must be cloneable: the watchdog's thread gets them as a message. */
export interface NatsOptions {
  readonly servers: readonly string[];
  /** True when `servers` is the default. @default false */
  readonly unset?: boolean;
  /** Name of the connection in the server's monitoring. */
  readonly name: string;
  /** The text of a credentials file. */
  readonly creds?: string;
  readonly token?: string;
  readonly user?: string;
  readonly password?: string;
  /** The seed of a user nkey. */
  readonly nkey?: string;
  /** Paths of PEM files. They are read at each dial. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Paths of the files that hold the secrets above. They are read again at each dial. @default none */
  readonly files?: SecretFiles;
  /** Prefix of the JetStream API. @default "$JS.API" */
  readonly apiPrefix?: string;
  /** Prefix of reply subjects. @default "_INBOX" */
  readonly inboxPrefix?: string;
}

export type SecretFiles = Readonly<
  Partial<Record<"servers" | "creds" | "token" | "user" | "password" | "nkey", string>>
>;

/** The seed of a user nkey. */
export const NKEY_SEED = /\bSU[A-Z2-7]{56}\b/;

/** Returns the servers as URLs. A server may also be given as `host:4222`. */
export function urlsOf(servers: readonly string[]): URL[] {
  return servers.map((server) => new URL(server.includes("://") ? server : `nats://${server}`));
}

/** Returns a server's URL without the user, the password or the token in it. */
export function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/)?.*@/, "$1");
}

/** Returns whether a connection to these servers must be encrypted: their URLs say so, or certificates are given. */
export function isEncrypted({ servers, tls }: Pick<NatsOptions, "servers" | "tls">): boolean {
  return tls !== undefined || urlsOf(servers).some(({ protocol }) => protocol === "tls:" || protocol === "wss:");
}

export function isWebSocket(servers: readonly string[]): boolean {
  return servers.some((server) => /^wss?:/.test(server));
}
