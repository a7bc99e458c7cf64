import type { Log } from "../api/context.ts";
import { systemClock } from "../engine/system_clock.ts";
import { ApiKeys } from "../http/api_keys.ts";
import type { JsonWebTokens } from "../http/json_web_tokens.ts";
import type { Registry } from "../project/registry.ts";
import type { Redact } from "../telemetry/otel/logs/redact.ts";
import { type Config, CURRENT_ENVIRONMENT } from "./config.ts";
import { WebhookSecrets } from "./webhook_secrets.ts";

/** Tells who sends a request to the ingress. */
export interface Authentication {
  readonly keys: ApiKeys;
  /** Undefined unless tokens are configured. */
  readonly tokens: JsonWebTokens | undefined;
  readonly webhooks: WebhookSecrets;
  stop(): void;
}

/** Creates what the configuration and the webhooks name. Tokens take a package that no other process loads. */
export async function createAuthentication(
  config: Config,
  registry: Registry,
  log: Log,
  redact: Redact,
): Promise<Authentication> {
  const webhooks = new WebhookSecrets(config, registry, log, redact, CURRENT_ENVIRONMENT);
  const { WEIR_API_KEYS, WEIR_JWT_KEYS_URL: keysUrl, WEIR_JWT_ISSUER: issuer, WEIR_JWT_AUDIENCE: audience } = config;
  const stop = () => webhooks.stop();
  const hasTokens = config.WEIR_ROLES.includes("ingress") && keysUrl && issuer && audience;
  if (!hasTokens) return { keys: new ApiKeys(WEIR_API_KEYS ?? "none"), tokens: undefined, webhooks, stop };
  const { JsonWebTokens } = await import("../http/json_web_tokens.ts");
  const onFailure = (error: unknown) => log.error("the keys of WEIR_JWT_KEYS_URL cannot be fetched", { error });
  const tokens = new JsonWebTokens({ keysUrl, issuer, audience, clock: systemClock, onFailure });
  return { keys: new ApiKeys(WEIR_API_KEYS ?? []), tokens, webhooks, stop };
}
