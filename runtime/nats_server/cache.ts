import { isAbsolute, join } from "node:path";
import { checkServer, type Env, fileExists, SERVER_FILE } from "./installed.ts";

/** Puts a nats-server somewhere under `directory` and returns where. */
type Fetch = (directory: string) => Promise<string>;

/** Weir's directory under the user's caches; undefined where the environment names no home. */
export function cacheDirectory(env: Env, os: typeof Deno.build.os = Deno.build.os): string | undefined {
  const under = (name: string, ...rest: string[]) => {
    const base = env.get(name);
    return base ? join(base, ...rest, "weir") : undefined;
  };
  if (os === "windows") return under("LOCALAPPDATA");
  // The XDG specification: a relative path is to be ignored.
  if (isAbsolute(env.get("XDG_CACHE_HOME") ?? "")) return under("XDG_CACHE_HOME");
  return os === "darwin" ? under("HOME", "Library", "Caches") : under("HOME", ".cache");
}

/** The cached server, if there is one and it works. */
export async function cachedServer(directory: string): Promise<string | undefined> {
  const path = join(directory, SERVER_FILE);
  if (!await fileExists(path)) return undefined;
  try {
    await checkServer(path);
    return path;
  } catch {
    return undefined; // damaged, or from before the oldest supported version moved: fetched anew
  }
}

/**
 * The cached server, fetched first if need be, by one process at a time.
 *
 * Test files run in parallel and meet an empty cache together. The one that gets the lock fetches, the others
 * wait and find its result. The system drops the lock of a process that dies, and the server appears under its
 * name by a rename of a checked file, so a killed download leaves only a directory, removed by the next fetch.
 * The lock file itself stays: removing it would let two processes hold locks on two files of that name.
 */
export async function fetchOnce(directory: string, fetch: Fetch): Promise<string> {
  await Deno.mkdir(directory, { recursive: true });
  using lock = await Deno.open(join(directory, "fetch.lock"), { create: true, write: true });
  await lock.lock(true);
  const cached = await cachedServer(directory);
  if (cached) return cached;
  await removeUnfinished(directory);
  const unfinished = await Deno.makeTempDir({ dir: directory, prefix: UNFINISHED });
  try {
    const fetched = await fetch(unfinished);
    await checkServer(fetched);
    const path = join(directory, SERVER_FILE);
    await Deno.rename(fetched, path);
    return path;
  } finally {
    await Deno.remove(unfinished, { recursive: true });
  }
}

const UNFINISHED = "fetch-";

/** Removes what killed fetches left behind. Only for the holder of the lock. */
async function removeUnfinished(directory: string): Promise<void> {
  for await (const entry of Deno.readDir(directory)) {
    if (entry.isDirectory && entry.name.startsWith(UNFINISHED)) {
      await Deno.remove(join(directory, entry.name), { recursive: true });
    }
  }
}
