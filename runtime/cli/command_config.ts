import { type Config, ENVIRONMENT, readConfig, UNSET_NATS_URL } from "../app/config.ts";
import { devServer } from "../dev/dev_server.ts";

/** The configuration of a command that talks to a cluster: what is unset is that of the `dev` that runs here. */
export function commandConfig(): Config {
  const set = (name: string) => Boolean(ENVIRONMENT.get(name) || ENVIRONMENT.get(`${name}_FILE`));
  const dev = set("NATS_URL") ? undefined : devServer(), admin = dev && new URL(dev.admin);
  const defaults: Record<string, string | undefined> = {
    NATS_URL: dev?.nats,
    ADMIN_HOST: admin?.hostname,
    ADMIN_PORT: admin?.port,
  };
  return readConfig({
    readFile: ENVIRONMENT.readFile,
    get: (name) => ENVIRONMENT.get(name) || (set(name) ? undefined : defaults[name]),
  });
}

/** For commands that change something: where they do it, if nobody has said and no `dev` runs here. */
export function sayWhere({ NATS_URL }: Config): void {
  if (NATS_URL === UNSET_NATS_URL) console.error(`to ${NATS_URL.join(", ")} (NATS_URL is not set)`);
}
