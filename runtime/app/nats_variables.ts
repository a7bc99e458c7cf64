import { z } from "zod";
import { overlaps, subjectProblem } from "../core/subjects.ts";
import type { ResolvedStream } from "../project/resolve_streams.ts";
import { isWebSocket, NKEY_SEED, type SecretFiles } from "../nats/client/nats_options.ts";

/** The secrets that a process reads again at each dial, by their names in `NatsOptions`. */
const ROTATING: Readonly<Record<string, keyof SecretFiles>> = {
  NATS_CREDS: "creds",
  NATS_TOKEN: "token",
  NATS_USER: "user",
  NATS_PASSWORD: "password",
  NATS_NKEY: "nkey",
  NATS_URL: "servers",
};

export const list = z.string().transform((text) =>
  text.split(",").map((item) => item.trim()).filter((item) => item !== "")
);
const servers = list.superRefine((urls, ctx) => {
  if (urls.length === 0) ctx.addIssue("one or more URLs such as nats://host:4222, with commas between");
  for (const [index, url] of urls.entries()) {
    const wanted = wantedOfServer(url);
    if (wanted) ctx.addIssue(`in entry ${index + 1} ${wanted}, as in nats://host:4222`);
  }
  const isMixed = isWebSocket(urls) && !urls.every((url) => isWebSocket([url]));
  if (isMixed) ctx.addIssue("only websockets (ws://, wss://), or none: they cannot be mixed with other URLs");
});
/**
 * Returns the rule that a part of a server's URL breaks; undefined for a correct URL. The text quotes no part: a URL
 * may hold a password.
 */
function wantedOfServer(url: string): string | undefined {
  const [, scheme = "nats", rest] = /^(?:([^/]*):\/\/)?(.*)$/s.exec(url)!;
  if (!["nats", "tls", "ws", "wss"].includes(scheme)) return "the scheme nats://, tls://, ws:// or wss://";
  // A proxy may forward a path to the websocket listener of a server.
  const host = scheme.startsWith("ws") ? rest.replace(/\/.*$/s, "") : rest.replace(/\/$/, "");
  if (/[\s/]/.test(host)) return "a host and a port, without a path and without spaces";
  if (URL.canParse(`nats://${host}`)) return undefined;
  const port = /:([^:@\]]*)$/.exec(host)?.[1];
  return port && !(/^\d+$/.test(port) && Number(port) <= 65_535) ? "a port from 0 to 65535" : "a host";
}
/** Subject without wildcards, such as a prefix of others. */
const prefix = z.string().refine(
  (text) => subjectProblem(text) === undefined && !/[*>]/.test(text) && !text.endsWith("."),
  "a subject without wildcards, and without a dot at its end",
);
const domain = z.string().regex(/^[^\s.*>]+$/, "the name of a JetStream domain, without dots");
const nkey = z.string().refine(
  (text) => NKEY_SEED.test(text),
  "the seed of a user nkey: SU and 56 more characters",
);

/** Default of `NATS_URL`. It is compared by identity, since the variable may be set to the same URL. */
export const UNSET_NATS_URL: string[] = ["nats://127.0.0.1:4222"];

/** Variables of the connection to NATS. */
export const NATS_VARIABLES = {
  NATS_URL: servers.default(() => UNSET_NATS_URL),
  NATS_CREDS: z.string().optional(),
  NATS_TOKEN: z.string().optional(),
  NATS_USER: z.string().optional(),
  NATS_PASSWORD: z.string().optional(),
  NATS_NKEY: nkey.optional(),
  NATS_JS_DOMAIN: domain.optional(),
  NATS_JS_API_PREFIX: prefix.optional(),
  NATS_INBOX_PREFIX: prefix.optional(),
  NATS_TLS_CA: z.string().optional(),
  NATS_TLS_CERT: z.string().optional(),
  NATS_TLS_KEY: z.string().optional(),
};

/** Returns the paths of the files that hold secrets of NATS. */
export function filesOf(environment: { get(name: string): string | undefined }): SecretFiles {
  return Object.fromEntries(
    Object.entries(ROTATING).flatMap(([name, key]) => {
      const value = environment.get(name) || undefined;
      const path = isCredsPath(name, value) ? value : environment.get(`${name}_FILE`);
      return path ? [[key, path]] : [];
    }),
  );
}

/** Returns whether the value is a path, as for NATS's own tools. */
export function isCredsPath(name: string, value: string | undefined): boolean {
  return name === "NATS_CREDS" && value !== undefined && !value.includes("BEGIN NATS");
}

/** Returns why a stream would store the replies to this process; undefined if none would. */
export function inboxProblem(
  { NATS_INBOX_PREFIX: prefix }: { readonly NATS_INBOX_PREFIX?: string },
  streams: readonly Pick<ResolvedStream, "name" | "subjects">[],
): string | undefined {
  if (prefix === undefined) return undefined;
  const stream = streams.find(({ subjects }) => subjects.some((subject) => overlaps(subject, `${prefix}.>`)));
  return stream &&
    `NATS_INBOX_PREFIX is ${JSON.stringify(prefix)}, and stream ${stream.name} stores ${stream.subjects}: ` +
      "replies would be stored as events; choose another prefix, such as _INBOX_weir";
}
