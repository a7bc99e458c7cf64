import type { Log } from "../api/context.ts";
import { systemClock } from "../engine/system_clock.ts";
import { ApiKeys } from "../http/api_keys.ts";
import type { JsonWebTokens } from "../http/json_web_tokens.ts";
import type { Config } from "./config.ts";

/** Tells who sends a request to the ingress. */
export interface Authentication {
  readonly keys: ApiKeys;
  /** Undefined unless tokens are configured. */
  readonly tokens: JsonWebTokens | undefined;
}

/** Creates what the configuration names. Tokens take a package that no other process loads. */
export async function createAuthentication(config: Config, log: Log): Promise<Authentication> {
  const { WEIR_API_KEYS, WEIR_JWT_KEYS_URL: keysUrl, WEIR_JWT_ISSUER: issuer, WEIR_JWT_AUDIENCE: audience } = config;
  const hasTokens = config.WEIR_ROLES.includes("ingress") && keysUrl && issuer && audience;
  if (!hasTokens) return { keys: new ApiKeys(WEIR_API_KEYS ?? "none"), tokens: undefined };
  const { JsonWebTokens } = await import("../http/json_web_tokens.ts");
  const onFailure = (error: unknown) => log.error("the keys of WEIR_JWT_KEYS_URL cannot be fetched", { error });
  const tokens = new JsonWebTokens({ keysUrl, issuer, audience, clock: systemClock, onFailure });
  return { keys: new ApiKeys(WEIR_API_KEYS ?? []), tokens };
}
