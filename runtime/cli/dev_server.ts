import { PROJECT } from "../project.ts";

const FILE = new URL(".weir/nats_url", PROJECT);

/** Leaves word of the server that `dev` started, for commands in other terminals. */
export async function rememberDevServer({ url }: { url: string }): Promise<void> {
  await Deno.mkdir(new URL(".weir/", PROJECT), { recursive: true });
  await Deno.writeTextFile(FILE, url);
}

/** The server is going away. */
export async function forgetDevServer(): Promise<void> {
  await Deno.remove(FILE).catch(() => {});
}

/** The URL of the server that `dev` started, if it said so. */
export function devServer(): string | undefined {
  try {
    return Deno.readTextFileSync(FILE);
  } catch {
    return undefined;
  }
}
