/** Finds Prometheus and promtool for the checks of `deploy/`, or fetches Debian's package. */
import { join } from "node:path";
import { cacheDirectory } from "../../runtime/nats_server/find.ts";
import { fetchDebianPackage } from "../../runtime/nats_server/fetch_debian.ts";
import { fileExists, findOnPath } from "../../runtime/nats_server/installed.ts";

/** Paths of the two programs. */
export interface Tools {
  readonly promtool: string;
  readonly prometheus: string;
}

/**
 * Returns both programs: from `PATH`, from the cache, or from this machine's Debian release, which are then cached.
 *
 * A package of another release would need other libraries.
 *
 * @throws {Error} With the reason, if there are none.
 */
export async function findTools(log: (line: string) => void = () => {}): Promise<Tools> {
  const [promtool, prometheus] = await Promise.all(NAMES.map((name) => findOnPath(name, Deno.env)));
  if (promtool && prometheus) return { promtool, prometheus };
  const cache = cacheDirectory(Deno.env);
  if (!cache) throw new Error("no promtool on PATH, and no directory to keep one in: set HOME");
  await Deno.mkdir(cache, { recursive: true });
  // Test files run in parallel: one of them fetches, and the others wait for the lock.
  using lock = await Deno.open(join(cache, "prometheus.lock"), { create: true, write: true });
  await lock.lock(true);
  const home = join(cache, "prometheus");
  const tools = { promtool: join(home, "promtool"), prometheus: join(home, "prometheus") };
  if (await fileExists(tools.promtool) && await fileExists(tools.prometheus)) return tools;
  for await (const { name } of Deno.readDir(cache)) { // left by a killed fetch
    if (name.startsWith(UNFINISHED)) await Deno.remove(join(cache, name), { recursive: true });
  }
  const unfinished = await Deno.makeTempDir({ dir: cache, prefix: UNFINISHED });
  try {
    const unpacked = await fetchDebianPackage("prometheus", await release(), unfinished, log);
    await Deno.remove(home, { recursive: true }).catch(() => {});
    // The rename is atomic, so that a killed fetch leaves no incomplete folder.
    await Deno.rename(join(unpacked, "usr/bin"), home);
  } finally {
    await Deno.remove(unfinished, { recursive: true });
  }
  return tools;
}

const NAMES = ["promtool", "prometheus"];
const UNFINISHED = "prometheus-fetch-";

/** Returns the name of this Debian release, such as "bookworm". */
async function release(): Promise<string> {
  const text = await Deno.readTextFile("/etc/os-release").catch(() => "");
  const name = /^ID=debian$/m.test(text) && /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(text)?.[1];
  if (!name) throw new Error("no promtool on PATH, and this is no Debian to fetch one from: install Prometheus");
  return name;
}
