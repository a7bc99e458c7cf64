import { join } from "node:path";
import { fetchDebianPackage } from "../../runtime/nats_server/fetch_debian.ts";
import { fileExists } from "../../runtime/nats_server/installed.ts";
import type { PostgresPrograms } from "./postgres.ts";

/**
 * Folder of the fetched programs, for all tests of this machine. Other users must reach it: root's cache is closed to
 * them.
 */
const CACHE = `${Deno.env.get("TMPDIR") ?? "/tmp"}/weir-test-postgres`;

/**
 * Fetches Debian's PostgreSQL, and the libraries that this machine lacks, without installing anything. Test files wait
 * for each other, and the first one fetches.
 */
export async function fetchPostgres(): Promise<PostgresPrograms> {
  await Deno.mkdir(CACHE, { recursive: true });
  await Deno.chmod(CACHE, 0o755);
  using lock = await Deno.open(join(CACHE, "fetch.lock"), { create: true, write: true });
  await lock.lock(true);
  const cached = await programsIn(join(CACHE, "unpacked"));
  if (cached) return cached;
  const folder = await Deno.makeTempDir({ dir: CACHE });
  try {
    const unpacked = await fetchDebianPackage("postgresql", await codename(), folder, console.warn, true);
    await Deno.chmod(unpacked, 0o755);
    await Deno.rename(unpacked, join(CACHE, "unpacked"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const fetched = await programsIn(join(CACHE, "unpacked"));
  if (!fetched) throw new Error("Debian's package postgresql brings no initdb");
  return fetched;
}

async function programsIn(folder: string): Promise<PostgresPrograms | undefined> {
  const libraries = await namesIn(join(folder, "usr/lib"));
  const paths = libraries.filter((name) => name.includes("-linux-")).map((name) => join(folder, "usr/lib", name));
  for (const version of (await namesIn(join(folder, "usr/lib/postgresql"))).sort().reverse()) {
    const bin = join(folder, "usr/lib/postgresql", version, "bin");
    if (await fileExists(join(bin, "initdb"))) return { bin, env: { LD_LIBRARY_PATH: paths.join(":") } };
  }
  return undefined;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Returns the release of this Debian, whose libraries the programs fit. */
async function codename(): Promise<string> {
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  return /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1] ?? "stable";
}
