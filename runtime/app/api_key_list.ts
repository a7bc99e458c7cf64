import { subjectProblem } from "../core/subjects.ts";
import { type ApiKey, DIGEST_PREFIX, digestOfKey } from "../http/api_keys.ts";
import { list } from "./nats_variables.ts";

/** Text that a request can carry in its `Authorization` header after `Bearer `. */
export const HEADER_TEXT = /^[\x21-\x7e]+$/;
/** Name of an API key, which becomes a part of the source of events. */
const KEY_NAME = /^[\w.~@+/-]+$/;
const KEY_FORM = "name:secret[:type-pattern[:limit/unit]], with commas between";
/** Limit of requests, such as `100/s`. */
const RATE = /^([1-9]\d{0,8})\/([smh])$/;
const RATE_UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000 };

/** A list of API keys, as `WEIR_API_KEYS` has them. */
export const apiKeys = list.refine((items) => items.length > 0, "at least one name").transform((items, ctx) => {
  const bySecret = new Map<string, ApiKey[]>();
  return items.map((item, index): ApiKey => {
    const [name, secret = "", given = "", limit, ...rest] = item.split(":"), pattern = given || ">";
    const rate = rateOf(limit), key: ApiKey = { name, secret, pattern, ...(rate && { rate }) };
    const others = bySecret.getOrInsertComputed(digestOfKey(key).toHex(), () => []);
    const wanted = wantedOfKey(key, rest.length) ??
      (limit !== undefined && !rate ? "a limit such as 100/s, 600/m or 5000/h as the fourth part" : undefined) ??
      wantedBeside(key, others);
    others.push(key);
    if (wanted) ctx.addIssue(`in entry ${index + 1} ${wanted}`);
    return key;
  });
});

function rateOf(text: string | undefined): ApiKey["rate"] {
  const [, limit, unit] = RATE.exec(text ?? "") ?? [];
  return unit && { limit: Number(limit), perMs: RATE_UNIT_MS[unit as keyof typeof RATE_UNIT_MS] } || undefined;
}

/**
 * Returns what a part of an API key should be, if it is not that. Quotes no part: after a missing colon, any part may
 * be the secret.
 */
function wantedOfKey({ name, secret, pattern }: ApiKey, more: number): string | undefined {
  if (!name) return `a name: ${KEY_FORM}`;
  if (!secret) return `a secret after its name: ${KEY_FORM}`;
  if (more > 0) return `at most four parts, and no colon in the secret: ${KEY_FORM}`;
  if (!KEY_NAME.test(name)) return "a name of letters, digits and - _ . ~ @ + /, without quotes around the entry";
  if (!HEADER_TEXT.test(secret)) {
    return "a secret of visible ASCII characters, without spaces and line breaks; a comma goes between entries";
  }
  if (secret.startsWith(DIGEST_PREFIX) && !/^[0-9a-f]{64}$/i.test(secret.slice(DIGEST_PREFIX.length))) {
    return `64 hex digits after ${DIGEST_PREFIX}`;
  }
  return subjectProblem(pattern) ? "a pattern of event types such as orders.> as the third part" : undefined;
}

/** Returns what a key should be beside earlier ones with the same secret. They are one caller, with one limit. */
function wantedBeside({ name, rate }: ApiKey, others: readonly ApiKey[]): string | undefined {
  if (others.some((other) => other.name !== name)) return "a secret of its own: a caller is known by its secret";
  const isOther = others.some((other) => rate && other.rate && limitOf(rate) !== limitOf(other.rate));
  return isOther ? "the limit of the other entries with this secret, or none" : undefined;
}

function limitOf({ limit, perMs }: NonNullable<ApiKey["rate"]>): string {
  return `${limit}/${perMs}`;
}
