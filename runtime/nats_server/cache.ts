import { isAbsolute, join } from "node:path";
import { checkServer, type Env, fileExists, SERVER_FILE } from "./installed.ts";

/** Stores a nats-server below `directory` and returns its path. */
type Fetch = (directory: string) => Promise<string>;

/** Returns Weir's directory in the user's cache, or undefined when the environment names no home. */
export function cacheDirectory(env: Env, os: typeof Deno.build.os = Deno.build.os): string | undefined {
  const under = (name: string, ...rest: string[]) => {
    const base = env.get(name);
    return base ? join(base, ...rest, "weir") : undefined;
  };
  if (os === "windows") return under("LOCALAPPDATA");
  // The XDG specification says to ignore a relative path.
  if (isAbsolute(env.get("XDG_CACHE_HOME") ?? "")) return under("XDG_CACHE_HOME");
  return os === "darwin" ? under("HOME", "Library", "Caches") : under("HOME", ".cache");
}

/** Returns the path of the cached server if it runs and is supported. */
export async function cachedServer(directory: string): Promise<string | undefined> {
  const path = join(directory, SERVER_FILE);
  if (!await fileExists(path)) return undefined;
  // A server that is damaged, or older than what this version of Weir supports, is fetched again.
  return await checkServer(path).then(() => path, () => undefined);
}

/**
 * Returns the path of the cached server, which is fetched first if there is none.
 *
 * A file lock lets one process fetch while others wait for its result: test files run in parallel on an empty cache.
 * The operating system releases the lock when its process dies. The server is checked and then renamed into place, so
 * that a killed download leaves only a directory, which the next fetch removes. The lock file stays: after a removal two
 * processes could hold locks on two files of that name.
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

/** Removes the directories of killed fetches. Only the holder of the lock may call this. */
async function removeUnfinished(directory: string): Promise<void> {
  for await (const entry of Deno.readDir(directory)) {
    if (entry.isDirectory && entry.name.startsWith(UNFINISHED)) {
      await Deno.remove(join(directory, entry.name), { recursive: true });
    }
  }
}
