import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { type OwnedProcess, spawnOwned } from "../broker/owned.ts";
import { type NatsServer, startServer } from "../broker/server.ts";
import { ENVIRONMENT, readConfig } from "../config.ts";
import { PROJECT } from "../project.ts";
import { onStopSignal } from "./signals.ts";
import { startArguments } from "./start_command.ts";
import { forgetDevServer, rememberDevServer } from "./dev_server.ts";

/** Files whose change restarts the runtime, and how long to wait for an editor to finish writing them. */
const WATCHED = ["functions", "schemas"];
const SETTLE_MS = 100;
const STAND_INS = "functions/_dev/";
/** An end within this time is one of a start that failed. */
const STARTING_MS = 3_000;
const SHOWN = { stdout: "inherit", stderr: "inherit" } as const;
const NATS_PORT = 4222;
/** What `dev` sets unless the environment does: only this machine gets in, and the log is for a person. */
const DEFAULTS = { HOST: "127.0.0.1", LOG_FORMAT: "pretty", LOG_LEVEL: "debug" };
/** Longer than the runtime gives itself: it must have the time to end by itself. */
const GRACE_MARGIN_MS = 5_000;

/**
 * `dev`: owns a nats-server, the stand-ins of `functions/_dev/` and a runtime that it restarts on change. All of
 * them end with it, also when it is killed. The runtime is `start` itself: what runs here is what runs there.
 */
export async function dev(): Promise<void> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(DEFAULTS)) if (!ENVIRONMENT.get(name)) environment[name] = value;
  const graceMs = readConfig().SHUTDOWN_GRACE + GRACE_MARGIN_MS;

  let server: NatsServer | undefined;
  let runtime: OwnedProcess | undefined;
  let standIns: OwnedProcess[] = [];
  let stopping = false;
  const stop = async (code: number) => {
    stopping = true;
    await runtime?.stop("SIGTERM", graceMs);
    await Promise.all(standIns.map((process) => process.stop()));
    if (server) await forgetDevServer();
    await server?.stop();
    Deno.exit(code);
  };
  onStopSignal(() => void stop(0), () => {
    // At once: each of them ends by itself when this process is gone.
    void runtime?.stop("SIGKILL");
    Deno.exit(130);
  });

  if (!ENVIRONMENT.get("NATS_URL") && !ENVIRONMENT.get("NATS_URL_FILE")) {
    await claimFolder();
    server = await startServer({
      port: portIsFree(NATS_PORT) ? NATS_PORT : undefined,
      storeDir: fileURLToPath(new URL(".weir/jetstream", PROJECT)),
      log: (line) => line.includes("[INF]") || say(line),
    });
    environment.NATS_URL = server.url;
    await rememberDevServer(server);
    say(`nats-server ${server.version} on ${server.url}, its data in .weir/jetstream`);
  }

  const runRuntime = async () => {
    const startedAt = performance.now();
    const started = runtime = spawnOwned({
      command: Deno.execPath(),
      args: await startArguments(),
      cwd: fileURLToPath(PROJECT),
      env: environment,
      ...SHOWN,
    });
    void started.status.then(({ code, signal }) => {
      if (stopping || runtime !== started) return;
      if (signal) {
        say(`the runtime was ended by ${signal}`);
        return stop(1);
      }
      const what = performance.now() - startedAt < STARTING_MS ? "could not start" : "ended with an error";
      say(code === 0 ? "the runtime ended" : `the runtime ${what}, see above: waiting for a change`);
    });
  };
  const runStandIns = async () => {
    standIns = (await standInFiles()).map((file) => {
      const args = ["run", "--allow-net", "--allow-env", file];
      const started = spawnOwned({ command: Deno.execPath(), args, ...SHOWN });
      void started.status.then(({ code }) => {
        if (!stopping && standIns.includes(started)) say(`${shortPath(file)} ended with ${code}: it is missing now`);
      });
      return started;
    });
  };
  await runStandIns();
  await runRuntime();
  say(`watching ${WATCHED.join("/ and ")}/ for changes; Ctrl-C ends it all`);
  for await (const files of changes()) {
    if (stopping) return;
    say(`changed: ${files.join(", ")}: restarting`);
    if (files.some((file) => file.startsWith(STAND_INS))) {
      const last = standIns;
      standIns = [];
      await Promise.all(last.map((process) => process.stop()));
      if (!stopping) await runStandIns();
    }
    const last = runtime;
    runtime = undefined;
    await last?.stop("SIGTERM", graceMs);
    if (!stopping) await runRuntime();
  }
}

/** Two servers on one store destroy it. The system takes the lock away when this process is gone, however that was. */
async function claimFolder(): Promise<void> {
  await Deno.mkdir(new URL(".weir/", PROJECT), { recursive: true });
  const lock = await Deno.open(new URL(".weir/lock", PROJECT), { create: true, write: true });
  if (await lock.tryLock(true)) return;
  lock.close();
  throw new Error("another `deno task dev` runs in this folder: stop it first, or give this one a NATS_URL of its own");
}

function say(line: string): void {
  console.log(`${styleText("cyan", "dev")} ${line}`);
}

/** Programs in `functions/_dev/` stand in for what functions call: they run beside `dev`, and nowhere else. */
async function standInFiles(): Promise<string[]> {
  const folder = new URL(STAND_INS, PROJECT);
  try {
    const files = await Array.fromAsync(Deno.readDir(folder));
    return files.filter(({ name }) => name.endsWith(".ts")).map(({ name }) => fileURLToPath(new URL(name, folder)))
      .sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The files that changed, once they have been quiet for a moment. */
async function* changes(): AsyncIterable<string[]> {
  const folders = WATCHED.map((folder) => fileURLToPath(new URL(folder, PROJECT)));
  const changed = new Set<string>();
  let quiet = Promise.withResolvers<void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  void (async () => {
    for await (const { kind, paths } of Deno.watchFs(folders)) {
      const sources = paths.filter((path) => path.endsWith(".ts"));
      if (kind === "access" || sources.length === 0) continue;
      for (const path of sources) changed.add(shortPath(path));
      clearTimeout(timer);
      timer = setTimeout(() => quiet.resolve(), SETTLE_MS);
    }
  })();
  while (true) {
    await quiet.promise;
    quiet = Promise.withResolvers();
    const files = [...changed].sort();
    changed.clear();
    yield files;
  }
}

function shortPath(path: string): string {
  return path.slice(fileURLToPath(PROJECT).length);
}

function portIsFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}
