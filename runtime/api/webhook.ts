import { z } from "zod";
import type { Duration } from "../core/duration.ts";
import { type ConfigDefinition, defineConfig } from "./define_config.ts";

/** Options of every signature. */
interface SharedSignature {
  /**
   * Name of the environment variable with the secret that the sender shares. `NAME_FILE` may name a file instead. While
   * a secret is being rotated, each is a line of its own.
   */
  readonly secret: string;
}

/** A signature with the time of signing, so that a request cannot be sent again much later. */
interface TimedSignature extends SharedSignature {
  /**
   * - `standard-webhooks`: the specification of that name, which Svix and many others send
   * - `stripe`: the header `Stripe-Signature`
   * - `slack`: the header `X-Slack-Signature`
   */
  readonly scheme: "standard-webhooks" | "stripe" | "slack";
  /** Most time between the signing and the arrival of a request, in either direction. @default "5m" */
  readonly tolerance?: Duration;
}

/** The header `X-Hub-Signature-256`. GitHub signs no time. */
interface GitHubSignature extends SharedSignature {
  readonly scheme: "github";
}

/** An HMAC of the body alone, as many services send it. */
interface HmacSignature extends SharedSignature {
  readonly scheme: "hmac";
  /** Header with the signature, such as `x-signature`. */
  readonly header: string;
  /** @default "sha256" */
  readonly hash?: "sha1" | "sha256" | "sha512";
  /** @default "hex" */
  readonly encoding?: "hex" | "base64";
  /** Text before the signature in its header, such as `sha256=`. @default "" */
  readonly prefix?: string;
}

/** How the sender of a webhook signs its requests. */
export type Signature = TimedSignature | GitHubSignature | HmacSignature;

/** Schemes of {@linkcode Signature}, each with its own options. */
export const SIGNATURE_OPTIONS: Readonly<Record<Signature["scheme"], readonly string[]>> = {
  "standard-webhooks": ["tolerance"],
  stripe: ["tolerance"],
  slack: ["tolerance"],
  github: [],
  hmac: ["header", "hash", "encoding", "prefix"],
};

/** Default of `tolerance`, as all these schemes recommend. */
export const SIGNATURE_TOLERANCE = "5m";

/** The request of a webhook, for the options `map` and `id`. */
export interface WebhookRequest {
  /** Headers as the sender sent them, such as `x-github-event`. */
  readonly headers: Headers;
}

/** An event that webhooks publish. */
interface Signed {
  readonly type: string;
  readonly ingress?: { readonly signature?: Signature };
}

const declared = new WeakMap<Signed, ConfigDefinition<z.ZodObject<Record<string, z.ZodString>>>>();

/** Returns the declaration of the variable with the secrets of a signed event. It is checked as the project's own are. */
export function webhookVariable(event: Signed): ConfigDefinition {
  return declaration(event);
}

/** Returns the secrets of a signed event. @throws {Error} before the configuration is read */
export function webhookSecrets(event: Signed): readonly string[] {
  return Object.values(declaration(event).get()).flatMap(secretLines);
}

function declaration(event: Signed) {
  return declared.getOrInsertComputed(event, ({ type, ingress }) => {
    const { scheme, secret } = ingress!.signature!;
    const field = z.string().refine((text) => secretLines(text).length > 0, "one secret a line")
      .refine((text) => scheme !== "standard-webhooks" || secretLines(text).every(isStandardSecret), STANDARD_SECRET);
    return defineConfig(z.object({ [secret]: field.meta({ secret: true }).describe(`signs the webhook ${type}`) }));
  });
}

/** Returns the secrets in the text of a variable: each is a line. */
export function secretLines(text: string): string[] {
  return text.split(/[\r\n]+/).filter((line) => line.trim() !== "");
}

const STANDARD_SECRET = "`whsec_` and base64, as the sender shows it; one a line";

function isStandardSecret(line: string): boolean {
  return /^(whsec_)?[A-Za-z0-9+/]{16,}={0,2}$/.test(line.trim());
}
