import { ENVIRONMENT } from "../app/config.ts";
import { styleText } from "node:util";
import { Front } from "./reload_proxy.ts";
import { firstFree, whoListens } from "./ports.ts";

/** A port that was asked for is that or none; the default gives way to the next one that is free. */
export async function openFront(
  variable: "PORT" | "ADMIN_PORT",
  host: string,
  port: number,
  say: (line: string) => void,
): Promise<Front> {
  try {
    return new Front(host, port);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) {
      throw new Error(`cannot listen on ${host}:${port}: ${(error as Error).message}`, { cause: error });
    }
    const free = firstFree(host, port), who = await whoListens(port) ?? "another process";
    const taken = `port ${port} is taken by ${who}`;
    if (free === undefined) throw new Error(`${taken}, and so are those after it: set ${variable}`, { cause: error });
    if (ENVIRONMENT.get(variable)) throw new Error(`${taken}: end it, or try ${variable}=${free}`, { cause: error });
    say(styleText("yellow", `${taken}: ${variable}=${free} instead`));
    return new Front(host, free);
  }
}
