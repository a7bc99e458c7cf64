import type { Log } from "../api/context.ts";
import { provideValues } from "../api/provided_values.ts";
import type { Registry } from "../project/registry.ts";
import { type Redact, secretsIn } from "../telemetry/otel/logs/redact.ts";
import type { Config } from "./config.ts";
import { readOwnConfig, selectConfigs } from "./own_config.ts";
import type { Environment } from "./variable_text.ts";

/** Reads the secrets of webhooks again, for a rotation without a restart. */
export class WebhookSecrets {
  #end: (() => void) | undefined;

  constructor(
    readonly config: Config,
    readonly registry: Registry,
    readonly log: Log,
    readonly redact: Redact,
    readonly environment: Environment,
  ) {}

  /** Provides the secrets as they are now. If one of them is not as wanted, an error is logged and all stay. */
  reload(): void {
    const configs = selectConfigs(this.registry, this.config).filter(({ isWebhook }) => isWebhook);
    if (configs.length === 0) return;
    const own = readOwnConfig(configs, this.environment);
    if (own.problems.length > 0) {
      const { problems } = own;
      return this.log.error("the secrets of webhooks cannot be read again: they stay as they were", { problems });
    }
    this.redact.add?.(own.secrets.flatMap(secretsIn));
    this.stop();
    this.#end = provideValues(own);
    this.log.info("secrets of webhooks read again");
  }

  stop(): void {
    this.#end?.();
  }
}
