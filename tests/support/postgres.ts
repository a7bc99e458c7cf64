import { join } from "node:path";
import postgres from "postgres";
import { type ChildProcess, spawnChild } from "../../runtime/nats_server/child_process.ts";
import { fileExists, findOnPath } from "../../runtime/nats_server/installed.ts";
import { run } from "../../runtime/nats_server/run.ts";
import { eventually } from "./eventually.ts";
import { fetchPostgres } from "./fetch_postgres.ts";
import { freePorts } from "./ports.ts";

/** A PostgreSQL server of a test. `await using` stops it and removes its data. */
export interface PostgresServer extends AsyncDisposable {
  /** Address of its database, with a name and a password. */
  readonly url: string;
  /** Password in `url`. */
  readonly password: string;
  /** Stops the server at once: it closes all connections. */
  stop(): Promise<void>;
  /** Starts it again, on the same port and data, and resolves once it answers. */
  start(): Promise<void>;
  /** Returns the number of connections of clients with this application name. */
  connections(application: string): Promise<number>;
}

/** Role that `initdb` creates, and its password. */
const USER = "weir", PASSWORD = "pg-s3cret-password";

/** Programs of PostgreSQL, and the variables that they need. */
export interface PostgresPrograms {
  readonly bin: string;
  readonly env: Record<string, string>;
}

/**
 * Finds PostgreSQL: on this machine, or from Debian's archive. Returns undefined, after a warning, if it is not
 * installed and the archive cannot be reached.
 */
export async function findPostgres(): Promise<PostgresPrograms | undefined> {
  for (const bin of await installed()) if (await fileExists(join(bin, "initdb"))) return { bin, env: {} };
  try {
    return await fetchPostgres();
  } catch (error) {
    console.warn(`skipped: PostgreSQL is not installed, and Debian's archive does not give it: ${error}`);
    return undefined;
  }
}

async function installed(): Promise<string[]> {
  const versions: string[] = [];
  try {
    for await (const { name } of Deno.readDir("/usr/lib/postgresql")) versions.push(`/usr/lib/postgresql/${name}/bin`);
  } catch {
    // it is installed elsewhere, or not at all
  }
  const onPath = await findOnPath("postgres", Deno.env);
  return [...versions.sort().reverse(), ...(onPath ? [join(await Deno.realPath(onPath), "..")] : [])];
}

/** Starts a server with an empty database on a free port of loopback. */
export async function startPostgres({ bin, env }: PostgresPrograms): Promise<PostgresServer> {
  const folder = await Deno.makeTempDir({ prefix: "weir-postgres-" }), data = join(folder, "data");
  const port = Number(freePorts("PORT").PORT), url = `postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/postgres`;
  await Deno.writeTextFile(join(folder, "password"), PASSWORD);
  await giveToServer(folder);
  const as = (program: string, args: string[]) => unprivileged(join(bin, program), args, env);
  const [initdb, ...initArgs] = as("initdb", [
    ...["--pgdata", data, "--username", USER, "--pwfile", join(folder, "password"), "--auth", "scram-sha-256"],
    ...["--encoding", "UTF8", "--no-locale", "--no-sync"],
  ]);
  await run(initdb, initArgs, { cwd: folder });
  let process: ChildProcess | undefined;
  const stop = async () => {
    await process?.stop("SIGINT", 20_000); // a fast shutdown
    process = undefined;
  };
  const start = async () => {
    const [command, ...args] = as("postgres", [
      ...["-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", folder],
      ...["-c", "fsync=off", "-c", "max_connections=40"],
    ]);
    const lines: string[] = [], keep = (line: string) => void lines.push(line);
    const started = process = spawnChild({ command, args, cwd: folder, stdout: keep, stderr: keep });
    const exited = started.status.then(({ code }) => {
      throw new Error(`postgres exited with code ${code}:\n${lines.join("\n")}`);
    });
    exited.catch(() => {});
    await Promise.race([eventually(() => query(url, (sql) => sql`select 1 as one`)), exited]);
  };
  const remove = async () => {
    await stop();
    await Deno.remove(folder, { recursive: true });
  };
  try {
    await start();
  } catch (error) {
    await remove();
    throw error;
  }
  const connections = async (application: string) => {
    const rows = await query(
      url,
      (sql) =>
        sql<
          { count: number }[]
        >`select count(*)::int as count from pg_stat_activity where application_name = ${application}`,
    );
    return rows[0].count;
  };
  return { url, password: PASSWORD, stop, start, connections, [Symbol.asyncDispose]: remove };
}

/** Runs a query on a connection of its own. */
async function query<Rows>(url: string, ask: (sql: postgres.Sql) => PromiseLike<Rows>): Promise<Rows> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: 5,
    onnotice: () => {},
    connection: { application_name: "test" },
  });
  try {
    return await ask(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Id of the user and the group without rights, in Debian. PostgreSQL refuses to run as root, so it runs as these. */
const UNPRIVILEGED = 65_534;

/** Changes the owner of a folder to the user that PostgreSQL runs as. */
async function giveToServer(folder: string): Promise<void> {
  if (Deno.uid() !== 0) return;
  await Deno.chown(folder, UNPRIVILEGED, UNPRIVILEGED);
  await Deno.chown(join(folder, "password"), UNPRIVILEGED, UNPRIVILEGED);
}

function unprivileged(command: string, args: readonly string[], env: Record<string, string>): string[] {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const drop = Deno.uid() === 0
    ? ["setpriv", `--reuid=${UNPRIVILEGED}`, `--regid=${UNPRIVILEGED}`, "--clear-groups"]
    : [];
  return [...drop, "env", "LC_ALL=C", ...variables, command, ...args];
}
