import type { EventDefinition, IngressOptions } from "../api/define_event.ts";
import { type Signature, SIGNATURE_OPTIONS, webhookVariable } from "../api/webhook.ts";
import { parseDuration } from "../core/duration.ts";
import { describeValue, unknownOption } from "./option_schemas.ts";
import { resolveConfig, type ResolvedConfig } from "./resolve_configs.ts";
import { oneOf } from "./startup_problems.ts";

/** Options of an event's `ingress`. */
export const INGRESS_OPTIONS: readonly string[] = ["route", "reply", "progress", "signature", "map", "id"];

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const HEADER = /^[A-Za-z0-9-]+$/;
const CHOICES = { hash: ["sha1", "sha256", "sha512"], encoding: ["hex", "base64"] };

/** Returns what is wrong with the options of an event's `ingress`, apart from its route and its replies. */
export function ingressProblems({ route, progress, signature, map, id }: IngressOptions): string[] {
  const problems: string[] = [];
  if (progress !== undefined && typeof progress !== "boolean") {
    problems.push(`ingress.progress is ${describeValue(progress)}: it is true or false`);
  } else if (progress && signature) {
    problems.push(
      "ingress.progress and ingress.signature exclude each other: a webhook's sender has no key to ask with",
    );
  }
  problems.push(
    ...Object.entries({ map, id }).flatMap(([name, option]) => {
      if (option === undefined) return [];
      if (typeof option !== "function") return [`ingress.${name} is not a function of the payload`];
      return signature ? [] : [`ingress.${name} needs a signature: only a webhook has a payload of its own form`];
    }),
  );
  if (signature === undefined) return problems;
  if (route === undefined) problems.push('a signature needs a route, such as "/webhooks/github"');
  return [...problems, ...signatureProblems(signature)];
}

function signatureProblems(signature: Signature): string[] {
  const schemes = Object.keys(SIGNATURE_OPTIONS);
  if (!schemes.includes(signature?.scheme)) return [`ingress.signature needs a scheme, one of ${oneOf(schemes)}`];
  const known = ["scheme", "secret", ...SIGNATURE_OPTIONS[signature.scheme]], problems: string[] = [];
  for (const key of Object.keys(signature).filter((key) => !known.includes(key))) {
    problems.push(unknownOption(key, "ingress.signature", known.map((name) => `ingress.signature.${name}`)));
  }
  if (typeof signature.secret !== "string" || !VARIABLE.test(signature.secret)) {
    const given = "it is not shown, since it may be the secret itself";
    problems.push(`ingress.signature.secret is not the name of a variable, such as "GITHUB_SECRET" (${given})`);
  }
  if ("tolerance" in signature && !((parseDuration(signature.tolerance) ?? 0) > 0)) {
    problems.push(`ingress.signature.tolerance ${describeValue(signature.tolerance)} is not a duration above zero`);
  }
  if (signature.scheme === "hmac") problems.push(...hmacProblems(signature));
  return problems;
}

function hmacProblems(signature: Extract<Signature, { scheme: "hmac" }>): string[] {
  const { header, prefix = "" } = signature, problems: string[] = [];
  if (typeof header !== "string" || !HEADER.test(header)) {
    problems.push('ingress.signature.header is not the name of a header, such as "x-signature"');
  }
  if (typeof prefix !== "string") problems.push("ingress.signature.prefix is no text");
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value = signature[name as keyof typeof CHOICES];
    if (value !== undefined && !choices.includes(value)) {
      problems.push(`ingress.signature.${name} ${describeValue(value)} is not one of ${oneOf(choices)}`);
    }
  }
  return problems;
}

/** Returns the variables with the secrets of webhooks. They are checked, listed and kept secret as the project's own. */
export function webhookConfigs(
  { events, files }: {
    readonly events: ReadonlyMap<string, EventDefinition>;
    readonly files: ReadonlyMap<string, string>;
  },
): ResolvedConfig[] {
  return [...events.values()].flatMap((event) => {
    const { ingress, type } = event;
    if (!ingress?.signature || ingressProblems(ingress).length > 0) return [];
    const definition = webhookVariable(event);
    const { variables } = resolveConfig(definition);
    return [{ file: files.get(type)!, definition, variables, functions: [], isWebhook: true }];
  });
}
