/** Finds Prometheus and its promtool, for the checks of `deploy/`; fetches Debian's where there is none. */
import { join } from "node:path";
import { cacheDirectory } from "../../runtime/nats_server/cache.ts";
import { fetchDebianPackage } from "../../runtime/nats_server/fetch_debian.ts";
import { fileExists, findOnPath } from "../../runtime/nats_server/installed.ts";

/** Where the two programs are. */
export interface Tools {
  readonly promtool: string;
  readonly prometheus: string;
}

/**
 * Both programs: those of `PATH`, or the cached ones, or those of the Debian this runs on, which are then cached.
 *
 * The package is of this machine's own release and not a newer one, since it is linked with that release's libraries.
 *
 * @throws {Error} saying why there are none to be had.
 */
export async function findTools(log: (line: string) => void = () => {}): Promise<Tools> {
  const [promtool, prometheus] = await Promise.all(NAMES.map((name) => findOnPath(name, Deno.env)));
  if (promtool && prometheus) return { promtool, prometheus };
  const cache = cacheDirectory(Deno.env);
  if (!cache) throw new Error("no promtool on PATH, and no directory to keep one in: set HOME");
  await Deno.mkdir(cache, { recursive: true });
  // Test files run in parallel: one of them fetches, the others wait for it.
  using lock = await Deno.open(join(cache, "prometheus.lock"), { create: true, write: true });
  await lock.lock(true);
  const home = join(cache, "prometheus");
  const tools = { promtool: join(home, "promtool"), prometheus: join(home, "prometheus") };
  if (await fileExists(tools.promtool) && await fileExists(tools.prometheus)) return tools;
  for await (const { name } of Deno.readDir(cache)) { // what a killed fetch left
    if (name.startsWith(UNFINISHED)) await Deno.remove(join(cache, name), { recursive: true });
  }
  const unfinished = await Deno.makeTempDir({ dir: cache, prefix: UNFINISHED });
  try {
    const unpacked = await fetchDebianPackage("prometheus", await release(), unfinished, log);
    await Deno.remove(home, { recursive: true }).catch(() => {});
    // The folder appears under its name with both in it, so that a killed fetch leaves none that is half there.
    await Deno.rename(join(unpacked, "usr/bin"), home);
  } finally {
    await Deno.remove(unfinished, { recursive: true });
  }
  return tools;
}

const NAMES = ["promtool", "prometheus"];
const UNFINISHED = "prometheus-fetch-";

/** This Debian's name for itself, such as "bookworm". */
async function release(): Promise<string> {
  const text = await Deno.readTextFile("/etc/os-release").catch(() => "");
  const name = /^ID=debian$/m.test(text) && /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(text)?.[1];
  if (!name) throw new Error("no promtool on PATH, and this is no Debian to fetch one from: install Prometheus");
  return name;
}
