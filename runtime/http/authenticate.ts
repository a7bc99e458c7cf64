import { type ApiKeys, bearerOf, isJsonWebToken } from "./api_keys.ts";
import type { Caller } from "./caller.ts";
import type { JsonWebTokens } from "./json_web_tokens.ts";

/** Tells who sent a request. */
export interface Authenticators {
  readonly keys: ApiKeys;
  /** Authenticates callers that have a token instead of a key. Default: none has. */
  readonly tokens?: Pick<JsonWebTokens, "authenticate">;
}

/** Returns the caller, by its API key or its token. @throws {Problem} 401 without a known one */
export function authenticate({ keys, tokens }: Authenticators, request: Request): Caller | Promise<Caller> {
  const token = tokens && bearerOf(request);
  return tokens && token !== undefined && isJsonWebToken(token) && !keys.knows(token)
    ? tokens.authenticate(token)
    : keys.authenticate(request);
}
