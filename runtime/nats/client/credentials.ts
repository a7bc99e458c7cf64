import { nkeys } from "@nats-io/transport-node";
import { type NatsOptions, NKEY_SEED, urlsOf } from "./nats_options.ts";

/** The secrets and certificates that a dial presents to the server, as text. */
export interface Identity {
  readonly creds?: string;
  readonly token?: string;
  readonly user?: string;
  readonly password?: string;
  readonly nkey?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

type Name = keyof Identity | "servers";
type Texts = Partial<Record<Name, string>>;

export interface CredentialsListener {
  /** Called with a file that cannot be used, and the reason, once for each reason. */
  problem?(message: string): void;
  /** Called with each text that was read again and is another than before. */
  replaced?(text: string): void;
}

/** The variables that name the files, for messages. */
const VARIABLES: Record<Name, string> = {
  servers: "NATS_URL_FILE",
  creds: "NATS_CREDS",
  token: "NATS_TOKEN_FILE",
  user: "NATS_USER_FILE",
  password: "NATS_PASSWORD_FILE",
  nkey: "NATS_NKEY_FILE",
  ca: "NATS_TLS_CA",
  cert: "NATS_TLS_CERT",
  key: "NATS_TLS_KEY",
};

const CERTIFICATE = /-----BEGIN [A-Z ]*CERTIFICATE-----/, PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/**
 * The credentials of one connection. Their files are read again at each dial, so that what was rotated is used without
 * a restart. A file that cannot be used keeps its last text. While the newest credentials differ from those that the
 * server took last, dials use both in turn, since the server may not know the new credentials yet.
 */
export class Credentials {
  readonly #files: readonly [name: Name, path: string][];
  readonly #problems = new Map<Name, string>();
  #latest: Texts;
  /** The texts that the server took last. Before the first connection, the texts of the start. */
  #accepted: Texts;
  #current: Texts;
  /** True if the next dial uses the accepted texts instead of the latest. */
  #isTurnOfAccepted = false;

  private constructor(texts: Texts, files: readonly [Name, string][], readonly listener: CredentialsListener) {
    this.#latest = this.#accepted = this.#current = texts;
    this.#files = files;
  }

  /** Returns the credentials that the options hold or name, or which certificate or key cannot be read. */
  static read(options: NatsOptions, listener: CredentialsListener = {}): Credentials | Error {
    const { servers, creds, token, user, password, nkey, tls = {}, files = {} } = options;
    const texts: Texts = { servers: servers.join(","), creds, token, user, password, nkey };
    for (const [name, path] of named(tls)) {
      const text = readText(name, path);
      if (text instanceof Error) return text;
      texts[name] = text;
    }
    return new Credentials(texts, [...named(files), ...named(tls)], listener);
  }

  get current(): Identity {
    return identityOf(this.#current);
  }

  /** Reads the files again. Returns whether the newest texts differ from those that the connection uses. */
  read(): boolean {
    const next = { ...this.#latest };
    for (const [name, path] of this.#files) {
      if (!isFile(path)) continue; // a pipe can be read once
      const text = readText(name, path), problem = text instanceof Error ? text.message : undefined;
      if (typeof text === "string" && text !== next[name]) {
        next[name] = text;
        this.listener.replaced?.(text);
      }
      if (problem === this.#problems.get(name)) continue;
      if (problem === undefined) this.#problems.delete(name);
      else {
        this.#problems.set(name, problem);
        this.listener.problem?.(
          `${problem}: the text read before stays in use, and the file is read again at the next dial`,
        );
      }
    }
    this.#latest = next;
    return !isSame(this.#latest, this.#current);
  }

  /** Reads the files, and chooses what the next dial uses. */
  next(): Identity {
    this.read();
    const usesAccepted = this.#isTurnOfAccepted || isSame(this.#latest, this.#accepted);
    this.#isTurnOfAccepted = !usesAccepted;
    this.#current = usesAccepted ? this.#accepted : this.#latest;
    return this.current;
  }

  /** Returns the newest credentials, for a connection that tries them. */
  newest(): Identity {
    this.read();
    return identityOf(this.#latest);
  }

  /** Reports that the server took what the last dial used. */
  accepted(): void {
    this.#accepted = this.#current;
    this.#isTurnOfAccepted = false;
  }
}

/** Returns the seed in a text, as `nk` and `nsc` write it: alone, or between headings. Undefined if there is none. */
export function seedIn(text: string): string | undefined {
  const seed = NKEY_SEED.exec(text)?.[0];
  try {
    if (seed) nkeys.fromSeed(new TextEncoder().encode(seed));
    return seed;
  } catch {
    return undefined;
  }
}

/**
 * Returns the text with each line, the last too, ended by LF, as the client's parser needs it. Files have CRLF, spaces
 * and empty lines as well, and a variable may have `\n` in place of a line break.
 */
export function asCredsFile(text: string): string {
  return text.trim().replaceAll(/\s*(?:[\r\n]|\\n)\s*/g, "\n") + "\n";
}

function isSame(a: Texts, b: Texts): boolean {
  return (Object.keys(VARIABLES) as Name[]).every((name) => a[name] === b[name]);
}

/** The client takes no credentials from a URL, and other NATS tools do. A name without a password is a token. */
function identityOf({ servers = "", ...texts }: Texts): Identity {
  const named = urlsOf(servers.split(",").map((url) => url.trim()).filter(Boolean)).find((url) => url.username !== "");
  if (!named) return texts;
  const name = decodeURIComponent(named.username), secret = decodeURIComponent(named.password);
  return { ...(secret ? { user: name, password: secret } : { token: name }), ...defined(texts) };
}

/** Returns the files that are given. */
function named(files: Partial<Record<Name, string>>): [name: Name, path: string][] {
  return Object.entries(files).filter(([, path]) => path !== undefined) as [Name, string][];
}

function defined(texts: Texts): Identity {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined));
}

/** Reads a file. If it cannot be used, returns an error that names the variable and what is wrong. */
function readText(name: Name, path: string): string | Error {
  const what = `${VARIABLES[name]}: ${path}`;
  try {
    const text = Deno.readTextFileSync(path).replace(/[\r\n]+$/, "");
    const wanted = wantedOf(name, text);
    return wanted ? new Error(`${what} is no ${wanted}`) : text;
  } catch (error) {
    return new Error(`${what} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Returns what a text should be, if it is not that. Texts are checked because the client closes for good over a text
 * that it refuses.
 */
function wantedOf(name: Name, text: string): string | undefined {
  switch (name) {
    case "creds":
      return text.includes("BEGIN NATS USER JWT") && seedIn(text) ? undefined : "credentials file of NATS";
    case "nkey":
      return seedIn(text) ? undefined : "seed of a user nkey";
    case "ca":
    case "cert":
      return CERTIFICATE.test(text) ? undefined : "certificate in PEM";
    case "key":
      return PRIVATE_KEY.test(text) ? undefined : "private key in PEM";
    case "servers":
      return text.split(",").every((url) => URL.canParse(url.includes("://") ? url : `nats://${url}`))
        ? undefined
        : "list of URLs";
    default:
      return text.trim() === "" ? "secret, but empty" : undefined;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return true; // reading it says why
  }
}
