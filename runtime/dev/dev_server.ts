import { PROJECT } from "../project/load_project.ts";

/** Addresses of a running `dev`, for commands in other terminals. */
interface DevServer {
  /** NATS servers, without a password, since this is kept in a file. */
  readonly nats: string;
  readonly url: string;
  readonly admin: string;
}

const FILE = new URL(".weir/dev.json", PROJECT), LOCK = new URL(".weir/lock", PROJECT);
/** Attempts to take the lock, and milliseconds between two: {@linkcode devServer} holds it for under a millisecond. */
const TRIES = 5, TRY_MS = 20;

/**
 * Locks the folder for this process, because two nats-servers on one store destroy it. The operating system releases
 * the lock when the process ends for any reason.
 *
 * @throws {Error} when another `dev` runs in this folder.
 */
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

/** Stores the addresses for {@linkcode devServer}. */
export async function rememberDevServer(server: DevServer): Promise<void> {
  await Deno.mkdir(new URL(".weir/", PROJECT), { recursive: true });
  await Deno.writeTextFile(FILE, JSON.stringify(server));
}

/** Removes the addresses before `dev` ends. */
export async function forgetDevServer(): Promise<void> {
  await Deno.remove(FILE).catch(() => {});
}

/**
 * Returns the addresses of the `dev` that runs in this folder, or undefined if none runs. The lock decides: a `dev`
 * that was killed leaves its file behind, and another program may listen on those ports now.
 */
export function devServer(): DevServer | undefined {
  try {
    using lock = Deno.openSync(LOCK);
    return lock.tryLockSync(false) ? undefined : JSON.parse(Deno.readTextFileSync(FILE));
  } catch {
    return undefined;
  }
}
