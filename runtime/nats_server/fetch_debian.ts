import { join } from "node:path";
import { fileExists } from "./installed.ts";
import { run } from "./run.ts";

/** A package index known to apt: one block of `apt-get indextargets`. */
type IndexTarget = Record<string, string>;

/** Parses the output of `apt-get indextargets`: blocks of "Key: value" lines with empty lines between them. */
export function parseIndexTargets(text: string): IndexTarget[] {
  return text.split(/\n\s*\n/).filter((block) => block.trim()).map((block) => {
    const pairs = block.split("\n").map((line) => /^([\w-]+): ?(.*)$/.exec(line)).filter((match) => match !== null);
    return Object.fromEntries(pairs.map((match) => [match[1], match[2].trim()]));
  });
}

/**
 * Returns the sites that may be Debian's main archive, the likeliest first.
 *
 * apt knows an archive's origin only after it has downloaded the index, which a fresh container has not. In that case
 * an archive with the component "main" and a suite of plain letters counts as Debian's, which excludes
 * "bookworm-security" and most third-party archives. A wrong guess costs one request but no safety, because apt checks
 * the archive's signature against Debian's keys.
 */
export function debianSites(targets: IndexTarget[]): string[] {
  const possible = targets.filter((target) =>
    target.Component === "main" && /^[a-z]+$/.test(target.Release ?? "") &&
    (target.Origin ?? "Debian") === "Debian" && target.Site && !target.Site.startsWith("cdrom:")
  );
  const known = possible.filter((target) => target.Origin === "Debian");
  return [...new Set([...known, ...possible].map((target) => target.Site))];
}

/**
 * Fetches Debian's newest nats-server package into `directory` and returns the path of the server in it. Nothing is
 * installed.
 *
 * The package comes from "sid", because the server in stable is too old. That costs a package index of about 11 MB.
 */
export async function fetchDebian(directory: string, log: (line: string) => void): Promise<string> {
  const unpacked = await fetchDebianPackage("nats-server", "sid", directory, log);
  const server = await firstFile(
    ["usr/sbin/nats-server", "usr/bin/nats-server"].map((path) => join(unpacked, path)),
  );
  if (!server) throw new Error("Debian's package nats-server contains no usr/sbin/nats-server");
  return server;
}

/**
 * Fetches a Debian package into a new folder below `directory`, unpacks it there and returns the folder.
 *
 * It needs no root, and keeps its lists and cache apart from the system's apt. The proxy, mirror and certificates of
 * the system's apt apply, and signatures are checked.
 *
 * @param suite Release such as "sid" or "bookworm".
 * @param dependencies Fetches the packages that it depends on and that the system lacks as well. Default: false.
 */
export async function fetchDebianPackage(
  name: string,
  suite: string,
  directory: string,
  log: (line: string) => void,
  dependencies = false,
): Promise<string> {
  const sites = debianSites(await indexTargets());
  if (sites.length === 0) throw new Error("apt's sources name no Debian archive");
  const failures: unknown[] = [];
  for (const site of sites) {
    try {
      log(`Fetching ${name} from ${site} (${suite})`);
      const folder = await Deno.makeTempDir({ dir: directory });
      await fetchFrom(site, suite, name, folder, dependencies);
      return folder;
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  throw new Error(failures.map(String).join("\n"), { cause: new AggregateError(failures) });
}

async function indexTargets(): Promise<IndexTarget[]> {
  const args = ["indextargets", "Created-By: Packages"];
  const downloaded = await run("apt-get", args);
  const configured = await run("apt-get", [...args, "--no-release-info"]);
  return parseIndexTargets(`${downloaded}\n\n${configured}`);
}

/** Fetches a package from one site and unpacks it in `directory`. */
async function fetchFrom(
  site: string,
  suite: string,
  name: string,
  directory: string,
  dependencies: boolean,
): Promise<void> {
  for (const each of ["state/lists/partial", "cache/archives/partial"]) {
    await Deno.mkdir(join(directory, each), { recursive: true });
  }
  const architecture = (await run("dpkg", ["--print-architecture"])).trim(), keyring = await firstFile(KEYRINGS);
  const options = [`arch=${architecture}`, ...(keyring ? [`signed-by=${keyring}`] : [])].join(" ");
  await Deno.writeTextFile(join(directory, "sources.list"), `deb [${options}] ${site} ${suite} main\n`);
  await Deno.writeTextFile(join(directory, "apt.conf"), aptConfig(directory));
  const apt = (...args: string[]) =>
    run("apt-get", ["-q", "-c", join(directory, "apt.conf"), ...args], { cwd: directory });
  await apt("update");
  const unlocked = ["-o", "Debug::NoLocking=true"]; // only root may lock dpkg, and nothing is installed
  const install = ["install", "--download-only", "--yes", "--no-install-recommends", name];
  await (dependencies ? apt(...unlocked, ...install) : apt("download", name));
  const folder = dependencies ? join(directory, "cache/archives") : directory;
  const archives = Array.from(Deno.readDirSync(folder), ({ name }) => join(folder, name))
    .filter((file) => file.endsWith(".deb"));
  if (archives.length === 0) throw new Error(`${site} has no package ${name} for ${architecture}`);
  for (const archive of archives) await run("dpkg", ["-x", archive, "."], { cwd: directory });
}

/** Debian's keyrings. When none exists, apt uses the keys that the system trusts. */
const KEYRINGS = [
  "/usr/share/keyrings/debian-archive-keyring.gpg",
  "/usr/share/keyrings/debian-archive-keyring.pgp",
];

/**
 * Returns a configuration for apt with private directories, no translations, and none of the system's hooks, which may
 * write elsewhere. apt's own user ("_apt") has no access to a private directory, so root downloads as root.
 */
function aptConfig(directory: string): string {
  return `
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "root";
Dir::State "${directory}/state";
Dir::Cache "${directory}/cache";
Dir::Etc::sourcelist "${directory}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::preferences "/dev/null";
#clear Acquire::Languages;
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
`;
}

async function firstFile(paths: string[]): Promise<string | undefined> {
  for (const path of paths) if (await fileExists(path)) return path;
  return undefined;
}
