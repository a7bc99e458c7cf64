import { PROJECT } from "../project.ts";

/** Where what `dev` started is, for commands in other terminals. */
export interface DevServer {
  /** Undefined where NATS is not its own. */
  readonly nats?: string;
  readonly url: string;
  readonly admin: string;
}

const FILE = new URL(".weir/dev.json", PROJECT);

/** Leaves word of it. */
export async function rememberDevServer(server: DevServer): Promise<void> {
  await Deno.mkdir(new URL(".weir/", PROJECT), { recursive: true });
  await Deno.writeTextFile(FILE, JSON.stringify(server));
}

/** It is going away. */
export async function forgetDevServer(): Promise<void> {
  await Deno.remove(FILE).catch(() => {});
}

/** What `dev` said of itself, if it runs. */
export function devServer(): DevServer | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(FILE));
  } catch {
    return undefined;
  }
}
