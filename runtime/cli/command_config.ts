import { type Config, ENVIRONMENT, readConfig } from "../config.ts";
import { devServer } from "./dev_server.ts";

/** The configuration of a command that talks to a cluster: with `NATS_URL` unset, the one that `dev` runs. */
export function commandConfig(): Config {
  return readConfig({
    readFile: ENVIRONMENT.readFile,
    get: (name) =>
      ENVIRONMENT.get(name) || (name === "NATS_URL" && !ENVIRONMENT.get("NATS_URL_FILE") ? devServer() : undefined),
  });
}
