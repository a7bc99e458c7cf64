import type { Log } from "../api/context.ts";
import type { ApiKeys } from "../http/api_keys.ts";
import type { CredentialsListener } from "../nats/client/credentials.ts";
import { StartupProblems } from "../project/startup_problems.ts";
import { type Redact, secretsIn, secretsOf } from "../telemetry/otel/logs/redact.ts";
import type { Cluster } from "./cluster.ts";
import type { WebhookSecrets } from "./webhook_secrets.ts";
import { type Config, CURRENT_ENVIRONMENT, readConfig as readFrom } from "./config.ts";

interface ReloadOptions {
  readonly cluster: Pick<Cluster, "renew">;
  readonly keys: ApiKeys;
  readonly webhooks: Pick<WebhookSecrets, "reload">;
  readonly log: Log;
  readonly redact: Redact;
  /** Reads the configuration again. @throws {StartupProblems} @default from the environment */
  readonly readConfig?: () => Config;
}

/**
 * Reads rotated credentials again, for NATS, the API keys and the webhooks. If the new credentials cannot be used, an
 * error is logged and the previous ones stay in use.
 */
export async function reloadCredentials(
  { cluster, keys, webhooks, log, redact, readConfig = () => readFrom(CURRENT_ENVIRONMENT) }: ReloadOptions,
): Promise<void> {
  log.info("reading credentials again");
  reloadApiKeys(keys, log, redact, readConfig);
  webhooks.reload();
  const renewal = await cluster.renew();
  if (renewal.kind === "reconnecting") log.info("the credentials of NATS are others: connecting with them");
  if (renewal.kind !== "refused") return;
  const { reason } = renewal;
  log.error("NATS does not take the new credentials: the connection stays as it was, and the next one tries them", {
    reason,
  });
}

function reloadApiKeys(keys: ApiKeys, log: Log, redact: Redact, readConfig: () => Config): void {
  try {
    const { WEIR_API_KEYS = [] } = readConfig();
    redact.add?.(WEIR_API_KEYS.flatMap(({ secret }) => secretsIn(secret)));
    const isReplaced = WEIR_API_KEYS.length > 0 && keys.replace(WEIR_API_KEYS);
    if (isReplaced) log.info("API keys replaced", { names: [...new Set(WEIR_API_KEYS.map(({ name }) => name))] });
  } catch (error) {
    if (!(error instanceof StartupProblems)) throw error;
    log.error("the configuration cannot be read again: API keys stay as they were", { problems: error.problems });
  }
}

/**
 * Returns a listener for credentials that are read again. It adds them to the redacted texts, and logs which of them
 * cannot be used.
 */
export function credentialsListener(log: Log, redact: Redact): CredentialsListener {
  return {
    problem: (problem) => log.error("rotated credentials cannot be used", { problem }),
    replaced: (text) => redact.add?.([...secretsIn(text), ...secretsOf({ NATS_URL: text })]),
  };
}
