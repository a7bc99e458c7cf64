import { isAbsolute, join, resolve } from "node:path";
import { fetchDebian } from "./fetch_debian.ts";
import { fetchRelease, INSTALL_BY_HAND } from "./fetch_release.ts";
import { checkServer, type Env, fileExists, findOnPath, SERVER_FILE } from "./installed.ts";

/**
 * Returns the absolute path of a supported nats-server, which is fetched if this machine has none.
 *
 * The order is `NATS_SERVER`, the cached copy, `PATH`, then a fetch into the cache. An unsupported server is an error
 * in `NATS_SERVER`, which names it on purpose, but is skipped on `PATH`, where it may serve another purpose.
 *
 * @param log Receives a line about each server that is skipped or fetched. Default: no log.
 */
export async function findServer(
  env: Env = Deno.env,
  log: (line: string) => void = () => {},
): Promise<string> {
  const named = env.get("NATS_SERVER");
  if (named) return await checkNamed(resolve(named));

  const cache = cacheDirectory(env);
  const cached = cache && await cachedServer(cache);
  if (cached) return cached;

  const onPath = await findOnPath(SERVER_FILE, env);
  if (onPath) {
    try {
      await checkServer(onPath);
      return onPath;
    } catch (error) {
      log(`ignoring the nats-server on PATH: ${messageOf(error)}`);
    }
  }

  if (!cache) {
    throw new Error(`no nats-server found, and no cache directory to fetch one into: set HOME, or ${INSTALL_BY_HAND}`);
  }
  return await fetchOnce(cache, (directory) => fetchServer(directory, env, log));
}

async function checkNamed(path: string): Promise<string> {
  try {
    await checkServer(path);
  } catch (cause) {
    const advice = "set NATS_SERVER to another nats-server, or unset it to use one that Weir finds or fetches";
    throw new Error(`NATS_SERVER: ${messageOf(cause)}: ${advice}`, { cause });
  }
  return path;
}

/** Fetches Debian's package where apt is installed, because apt's mirror is reachable there, else the release. */
async function fetchServer(directory: string, env: Env, log: (line: string) => void): Promise<string> {
  const hasApt = await findOnPath("apt-get", env) && await findOnPath("dpkg", env);
  if (Deno.build.os !== "linux" || !hasApt) return await fetchRelease(directory, log);
  try {
    return await fetchDebian(directory, log);
  } catch (debian) {
    log(`cannot fetch nats-server from Debian: ${messageOf(debian)}`);
    try {
      return await fetchRelease(directory, log);
    } catch (release) {
      const both = new AggregateError([debian, release]);
      throw new Error(`${messageOf(release)}\nDebian's package failed before: ${messageOf(debian)}`, { cause: both });
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

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
async function cachedServer(directory: string): Promise<string | undefined> {
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
 * that a killed download leaves only a directory, which the next fetch removes. The lock file stays: after a removal
 * two processes could hold locks on two files of that name.
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
