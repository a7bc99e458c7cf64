import { type Config, ENVIRONMENT, readConfig } from "../../app/config.ts";
import { UNSET_NATS_URL } from "../../app/nats_variables.ts";
import { devServer } from "../../dev/dev_server.ts";

/**
 * Reads the configuration of a command that connects to a cluster. If NATS_URL is not set and `dev` runs in this
 * folder, the command uses the NATS and the admin listener of `dev`.
 */
export function commandConfig(): Config {
  const isSet = (name: string) => Boolean(ENVIRONMENT.get(name) || ENVIRONMENT.get(`${name}_FILE`));
  const dev = isSet("NATS_URL") ? undefined : devServer(), admin = dev && new URL(dev.admin);
  const defaults: Record<string, string | undefined> = {
    NATS_URL: dev?.nats,
    ADMIN_HOST: admin?.hostname,
    ADMIN_PORT: admin?.port,
  };
  return readConfig({
    readFile: ENVIRONMENT.readFile,
    get: (name) => ENVIRONMENT.get(name) || (isSet(name) ? undefined : defaults[name]),
  });
}

/**
 * Prints which NATS a command plans or makes changes to, if NATS_URL is not set and no `dev` runs in this folder. A
 * command that prints JSON prints nothing else.
 */
export function printDefaultTarget({ NATS_URL }: Config, { json }: { readonly json?: boolean }): void {
  if (NATS_URL === UNSET_NATS_URL && !json) console.error(`to ${NATS_URL.join(", ")} (NATS_URL is not set)`);
}

/**
 * Returns what to do first about a stream of another project: with NATS_URL unset and no `dev` in this folder, the
 * command asks whatever listens on the default port. Undefined if NATS_URL is set, or `dev` runs.
 */
export function defaultTargetProblem({ NATS_URL }: Config): string | undefined {
  if (NATS_URL !== UNSET_NATS_URL) return undefined;
  return `NATS_URL is not set and no \`dev\` runs in this folder, so this asks ${NATS_URL.join(", ")}, which another ` +
    "project uses: start `deno task dev` in this folder, or set NATS_URL";
}
