import { type Config, ENVIRONMENT, readConfig } from "../app/config.ts";

/** Values of variables that the environment does not set: only this machine has access, and the log is for a person. */
const DEFAULTS: Readonly<Record<string, string>> = { HOST: "127.0.0.1", LOG_FORMAT: "pretty", LOG_LEVEL: "debug" };

/** Variable that tells a revision that no other process uses its NATS: a start may narrow consumers. */
export const OWNS_NATS = "WEIR_DEV_OWNS_NATS";

/** Variable with the address of the public listener of `dev`, to which requests of people go. */
export const PUBLIC_URL = "WEIR_DEV_URL";

/** Reads the configuration with the defaults of `dev`. */
export function readDevConfig(): Config {
  return readConfig({ ...ENVIRONMENT, get: withDefault });
}

/**
 * Returns the variables that a revision gets on top of this process's environment. It listens on free loopback ports,
 * to which the listeners of `dev` forward.
 *
 * @param publicUrl Address of the public listener of `dev`.
 * @param natsUrl Address of the nats-server that `dev` started. Default: NATS_URL of the environment.
 */
export function revisionEnvironment(publicUrl: string, natsUrl?: string): Record<string, string> {
  return {
    ...Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, withDefault(name)!])),
    HOST: "127.0.0.1",
    PORT: "0",
    ADMIN_HOST: "127.0.0.1",
    ADMIN_PORT: "0",
    WEIR_WORKERS: "1",
    [PUBLIC_URL]: publicUrl,
    ...(natsUrl !== undefined && { NATS_URL: natsUrl, [OWNS_NATS]: "1" }),
  };
}

function withDefault(name: string): string | undefined {
  return ENVIRONMENT.get(name) || DEFAULTS[name];
}
