import { PROJECT } from "../../project/load_project.ts";

/** Where what `dev` started is, for commands in other terminals. */
interface DevServer {
  /** Its own, or the one it was told of: without a password, since this is kept in a file. */
  readonly nats: string;
  readonly url: string;
  readonly admin: string;
}

const FILE = new URL(".weir/dev.json", PROJECT), LOCK = new URL(".weir/lock", PROJECT);
/** Whoever looks whether a `dev` runs holds the lock for less than a millisecond: so often, and so long between. */
const TRIES = 5, TRY_MS = 20;

/** Two servers on one store destroy it. The system takes the lock away when this process is gone, however that was. */
export async function claimFolder(): Promise<void> {
  await Deno.mkdir(new URL(".weir/", PROJECT), { recursive: true });
  const lock = await Deno.open(LOCK, { create: true, write: true });
  for (let i = 0; i < TRIES; i++) {
    if (await lock.tryLock(true)) return;
    await new Promise((resolve) => setTimeout(resolve, TRY_MS));
  }
  lock.close();
  throw new Error("another `deno task dev` runs in this folder: stop it first, or run it in a copy of the folder");
}

/** Leaves word of it. */
export async function rememberDevServer(server: DevServer): Promise<void> {
  await Deno.mkdir(new URL(".weir/", PROJECT), { recursive: true });
  await Deno.writeTextFile(FILE, JSON.stringify(server));
}

/** It is going away. */
export async function forgetDevServer(): Promise<void> {
  await Deno.remove(FILE).catch(() => {});
}

/** What `dev` said of itself, if it runs: one that was killed left its word, and its ports may be another folder's now. */
export function devServer(): DevServer | undefined {
  try {
    using lock = Deno.openSync(LOCK);
    return lock.tryLockSync(false) ? undefined : JSON.parse(Deno.readTextFileSync(FILE));
  } catch {
    return undefined;
  }
}
