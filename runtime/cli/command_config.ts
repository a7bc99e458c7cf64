import { type Config, ENVIRONMENT, readConfig } from "../config.ts";
import { devServer } from "./dev_server.ts";

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
