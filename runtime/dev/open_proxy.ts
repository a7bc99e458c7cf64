import { ENVIRONMENT } from "../app/config.ts";
import { styleText } from "node:util";
import { ReloadProxy } from "./reload_proxy.ts";
import { firstFreePort, listeningProcess } from "./ports.ts";

/** A port that was asked for is that or none; the default gives way to the next one that is free. */
export async function openProxy(
  variable: "PORT" | "ADMIN_PORT",
  host: string,
  port: number,
  say: (line: string) => void,
): Promise<ReloadProxy> {
  try {
    return new ReloadProxy(host, port);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) {
      throw new Error(`cannot listen on ${host}:${port}: ${(error as Error).message}`, { cause: error });
    }
    const free = firstFreePort(host, port), who = await listeningProcess(port) ?? "another process";
    const taken = `port ${port} is taken by ${who}`;
    if (free === undefined) throw new Error(`${taken}, and so are those after it: set ${variable}`);
    if (ENVIRONMENT.get(variable)) throw new Error(`${taken}: end it, or try ${variable}=${free}`);
    say(styleText("yellow", `${taken}: ${variable}=${free} instead`));
    return new ReloadProxy(host, free);
  }
}
