import { Buffer } from "node:buffer";
import type { Signature } from "../../api/webhook.ts";
import { malformed } from "../problem.ts";

/** The signature of a request, as its headers give it. */
export interface Claim {
  /** Signatures, any of which may be the right one: a sender that rotates its secret sends one for each. */
  readonly signatures: readonly Uint8Array[];
  /** Text that is signed before the body. */
  readonly before: string;
  /** Time of signing, in seconds since 1970. Undefined if the scheme signs none. */
  readonly signedAt?: number;
}

/** A way to sign requests, as the sender's documentation describes it. */
export interface Scheme {
  readonly hash: string;
  /** Header with the signature, for the problem of a request without one. */
  readonly header: string;
  /** Returns what the headers say, or undefined if they lack a part of it. */
  claim(headers: Headers): Claim | undefined;
  /** Returns the bytes of the key. */
  key(secret: string): Uint8Array;
  /** Returns the sender's id of the event, which is the same when the sender tries again. */
  id?(payload: unknown, headers: Headers): unknown;
  /** Returns the answer to a request that only checks the address, or undefined for an event. */
  answer?(payload: unknown, headers: Headers): Response | undefined;
}

const utf8 = (secret: string): Uint8Array => Buffer.from(secret);
/** Refuses other characters, since `Buffer` decodes only up to the first of them: `ab,00` would be as good as `ab`. */
const fromHex = (hex: string): Uint8Array => Buffer.from(/^[\da-f]*$/i.test(hex) ? hex : "", "hex");
/** Returns the texts of the items that have a name, such as `v1` in `t=1,v1=ab,v1=cd`. */
const valuesOf = (items: readonly string[], name: string): string[] =>
  items.filter((item) => item.startsWith(name)).map((item) => item.slice(name.length));

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
const standard: Scheme = {
  hash: "sha256",
  header: "webhook-signature",
  claim: (headers) => {
    const [id, time, text] = ["id", "timestamp", "signature"].map((name) => standardHeader(headers, name));
    if (id === null || time === null || text === null) return undefined;
    const signatures = valuesOf(text.split(" "), "v1,").map((value) => Buffer.from(value, "base64"));
    return { signatures, before: `${id}.${time}.`, signedAt: secondsOf(time) };
  },
  key: (secret) => Buffer.from(secret.trim().replace(/^whsec_/, ""), "base64"),
  id: (_payload, headers) => standardHeader(headers, "id"),
};

/** Svix, whose webhooks became the standard, sends the headers under its own name. */
function standardHeader(headers: Headers, name: string): string | null {
  return headers.get(`webhook-${name}`) ?? headers.get(`svix-${name}`);
}

/** https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
const github: Scheme = {
  hash: "sha256",
  header: "x-hub-signature-256",
  claim: (headers) => hexClaim(headers.get("x-hub-signature-256"), "sha256="),
  key: utf8,
  id: (_payload, headers) => headers.get("x-github-delivery"),
  answer: (_payload, headers) => headers.get("x-github-event") === "ping" ? noContent() : undefined,
};

/** https://docs.stripe.com/webhooks#verify-manually */
const stripe: Scheme = {
  hash: "sha256",
  header: "stripe-signature",
  claim: (headers) => {
    const items = headers.get("stripe-signature")?.split(",").map((item) => item.trim()) ?? [];
    const [time] = valuesOf(items, "t=");
    if (time === undefined) return undefined;
    return { signatures: valuesOf(items, "v1=").map(fromHex), before: `${time}.`, signedAt: secondsOf(time) };
  },
  key: utf8,
  id: (payload) => fieldOf(payload, "id"),
};

/** https://docs.slack.dev/authentication/verifying-requests-from-slack */
const slack: Scheme = {
  hash: "sha256",
  header: "x-slack-signature",
  claim: (headers) => {
    const claim = hexClaim(headers.get("x-slack-signature"), "v0="), time = headers.get("x-slack-request-timestamp");
    return claim && time !== null ? { ...claim, before: `v0:${time}:`, signedAt: secondsOf(time) } : undefined;
  },
  key: utf8,
  id: (payload) => fieldOf(payload, "event_id"),
  answer: (payload) => {
    if (fieldOf(payload, "type") !== "url_verification") return undefined;
    const challenge = fieldOf(payload, "challenge");
    if (typeof challenge !== "string") throw malformed("a url_verification needs a challenge");
    return new Response(challenge, { headers: { "content-type": "text/plain; charset=utf-8" } });
  },
};

const schemes = { "standard-webhooks": standard, github, stripe, slack };

/** Returns the scheme that checks a signature. */
export function schemeOf(signature: Signature): Scheme {
  if (signature.scheme !== "hmac") return schemes[signature.scheme];
  const { header, hash = "sha256", encoding = "hex", prefix = "" } = signature;
  return {
    hash,
    header,
    claim: (headers) => {
      const text = headers.get(header);
      if (text === null || !text.startsWith(prefix)) return undefined;
      const signed = text.slice(prefix.length);
      return { signatures: [encoding === "hex" ? fromHex(signed) : Buffer.from(signed, encoding)], before: "" };
    },
    key: utf8,
  };
}

export function noContent(): Response {
  return new Response(null, { status: 204 });
}

function hexClaim(text: string | null, prefix: string): Claim | undefined {
  return text?.startsWith(prefix) ? { signatures: [fromHex(text.slice(prefix.length))], before: "" } : undefined;
}

/** Returns NaN for a text that is no time: no tolerance covers it. */
function secondsOf(text: string): number {
  return /^\d{1,12}$/.test(text) ? Number(text) : NaN;
}

function fieldOf(payload: unknown, name: string): unknown {
  return typeof payload === "object" && payload !== null ? (payload as Record<string, unknown>)[name] : undefined;
}
