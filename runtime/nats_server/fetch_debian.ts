import { join } from "node:path";
import { fileExists } from "./installed.ts";
import { run } from "./run.ts";

/** One package index that apt knows of: a block of `apt-get indextargets`. */
type IndexTarget = Record<string, string>;

/** Splits what `apt-get indextargets` prints: blocks of "Key: value" lines with empty lines between them. */
export function parseIndexTargets(text: string): IndexTarget[] {
  return text.split(/\n\s*\n/).filter((block) => block.trim()).map((block) => {
    const pairs = block.split("\n").map((line) => /^([\w-]+): ?(.*)$/.exec(line)).filter((match) => match !== null);
    return Object.fromEntries(pairs.map((match) => [match[1], match[2].trim()]));
  });
}

/**
 * The sites that may be Debian's main archive, the likeliest first.
 *
 * apt reports an archive's origin only once it has downloaded its index; on a fresh container it has none. There,
 * an archive with a component "main" and a suite with a plain name is taken for one: this leaves out
 * "bookworm-security" and most third-party lists. A wrong guess costs a request and no safety, since the
 * archive's signature is checked against Debian's keys.
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
 * Fetches Debian's newest nats-server package into `directory` and returns the server in it; nothing is installed.
 *
 * The package is of "sid", as stable's server is too old. The price is one package index of about 11 MB.
 */
export async function fetchDebian(directory: string, log: (line: string) => void): Promise<string> {
  const unpacked = await fetchDebianPackage("nats-server", "sid", directory, log);
  const server = await firstFile(
    ["usr/sbin/nats-server", "usr/bin/nats-server"].map((path) => join(unpacked, path)),
  );
  if (!server) throw new Error("Debian's package nats-server holds no usr/sbin/nats-server");
  return server;
}

/**
 * Fetches a package of Debian's into a new folder under `directory`, unpacks it there and returns the folder.
 *
 * It needs no root and leaves the system's apt alone: lists and cache are private. Proxy, mirror and certificates
 * are those the system's apt is set up with, and signatures are checked as ever. What the package depends on is not
 * fetched.
 *
 * @param suite a release such as "sid" or "bookworm"
 */
export async function fetchDebianPackage(
  name: string,
  suite: string,
  directory: string,
  log: (line: string) => void,
): Promise<string> {
  const sites = debianSites(await indexTargets());
  if (sites.length === 0) throw new Error("apt has no Debian archive in its sources");
  const architecture = (await run("dpkg", ["--print-architecture"])).trim();
  const failures: unknown[] = [];
  for (const site of sites) {
    try {
      log(`Fetching ${name} from ${site} (${suite})`);
      const folder = await Deno.makeTempDir({ dir: directory });
      await fetchFrom({ site, suite, architecture, name }, folder);
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

interface Wanted {
  readonly site: string;
  readonly suite: string;
  readonly architecture: string;
  readonly name: string;
}

async function fetchFrom({ site, suite, architecture, name }: Wanted, directory: string): Promise<void> {
  for (const each of ["state/lists/partial", "cache/archives/partial"]) {
    await Deno.mkdir(join(directory, each), { recursive: true });
  }
  const keyring = await firstFile(KEYRINGS);
  const options = [`arch=${architecture}`, ...(keyring ? [`signed-by=${keyring}`] : [])].join(" ");
  await Deno.writeTextFile(join(directory, "sources.list"), `deb [${options}] ${site} ${suite} main\n`);
  await Deno.writeTextFile(join(directory, "apt.conf"), aptConfig(directory));
  const apt = (...args: string[]) =>
    run("apt-get", ["-q", "-c", join(directory, "apt.conf"), ...args], { cwd: directory });
  await apt("update");
  await apt("download", name);
  const archive = Array.from(Deno.readDirSync(directory), (entry) => entry.name).find((file) => file.endsWith(".deb"));
  if (!archive) throw new Error(`${site} gave no ${name} package for ${architecture}`);
  await run("dpkg", ["-x", archive, "."], { cwd: directory });
}

/** Without one of these apt uses the keys the system trusts, which on Debian are Debian's. */
const KEYRINGS = [
  "/usr/share/keyrings/debian-archive-keyring.gpg",
  "/usr/share/keyrings/debian-archive-keyring.pgp",
];

/**
 * What differs from the system's apt: private directories, no translations, and none of the system's hooks, which
 * may write outside. apt's own user ("_apt") can't enter a private directory, so root downloads as itself.
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
