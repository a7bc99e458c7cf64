import { Command } from "commander";
import type { Runtime } from "../app/runtime.ts";
import { OWNS_NATS, PUBLIC_URL } from "../dev/dev_environment.ts";
import type { FromRevision, ProjectSummary, ToRevision } from "../dev/messages.ts";
import type { Registry } from "../project/registry.ts";
import { StartupProblems } from "../project/startup_problems.ts";
import { runProcess } from "./start/run_process.ts";

/** Milliseconds between two tries to open the inspector. */
const INSPECTOR_RETRY_MS = 100;

/** Builds the hidden command `revision`, which `dev` runs in each of its processes. */
export function revisionCommand(): Command {
  return new Command("revision").option("--inspect <port>").action(revision);
}

/** Runs the project in this process as its parent, `dev`, commands, and ends when `dev` ends. */
async function revision({ inspect }: { readonly inspect?: string }): Promise<void> {
  if (!process.send) throw new Error("only `dev` runs `revision`");
  let stop = () => Deno.exit(0);
  process.on("disconnect", () => stop());
  process.on("message", (message) => void (message === "stop" && stop()));
  await received("load");
  try {
    Deno.permissions.revokeSync({ name: "run", command: Deno.execPath() }); // as in `start`
    await runProcess({ apply: Deno.env.get(OWNS_NATS) ? "narrow" : true, dev: { url: Deno.env.get(PUBLIC_URL) } }, {
      quiet: true,
      loaded: async (registry) => {
        const start = received("start");
        process.on("message", async (message) => {
          if (message === "example") await send({ kind: "example", json: await exampleOf(registry) });
        });
        await send({ kind: "loaded", project: summarize(registry) });
        await start;
      },
      ready: (runtime, startAgain) => {
        process.on("message", handleCommands(runtime, startAgain));
        if (inspect !== undefined) void holdInspector(Number(inspect));
        void send(started(runtime));
      },
      onStop: (stopRuntime) => stop = stopRuntime as () => never,
    });
  } catch (error) {
    // `dev` ends this process after it has read the message: an exit right after sending might lose it.
    process.on("message", () => {});
    await send(failed(error));
  }
}

function send(message: FromRevision): Promise<void> {
  return new Promise((resolve) => process.send!(message, undefined, undefined, () => resolve()));
}

function received(command: ToRevision): Promise<void> {
  return new Promise((resolve) =>
    process.on("message", function listen(message) {
      if (message !== command) return;
      process.off("message", listen);
      resolve();
    })
  );
}

/**
 * Opens the inspector while this revision is live. All revisions use one port, which the previous revision may still
 * hold.
 */
async function holdInspector(port: number): Promise<void> {
  const { default: inspector } = await import("node:inspector"); // loaded here: it is seldom used
  let live = true;
  const open = async () => {
    while (live) {
      try {
        return inspector.open(port, "127.0.0.1");
      } catch (error) {
        if ((error as { code?: string }).code !== "EADDRINUSE") {
          return console.error(`--inspect: ${(error as Error).message}`);
        }
        await new Promise((resolve) => setTimeout(resolve, INSPECTOR_RETRY_MS));
      }
    }
  };
  process.on("message", (command: ToRevision) => {
    if (command === "start") {
      live = true;
      void open();
    } else if (live && (command === "standby" || command === "stop")) {
      live = false;
      inspector.close();
    }
  });
  await open();
}

/** Returns a listener for the commands to a running revision. Stopped runtimes may still have busy handlers. */
function handleCommands(
  runtime: Runtime,
  startAgain: () => Promise<Runtime>,
): (message: unknown) => Promise<void> {
  const runtimes = [runtime];
  let onStandby = false;
  return async (message) => {
    if (message === "busy") await send({ kind: "busy", busy: runtimes.some(({ inFlight }) => inFlight > 0) });
    else if (message === "standby") {
      onStandby = true;
      await runtime.stop();
    } else if (message === "start") {
      try {
        if (onStandby) runtimes.push(runtime = await startAgain());
        onStandby = false;
        await send(started(runtime));
      } catch (error) {
        await send(failed(error));
      }
    }
  };
}

function started({ url, adminUrl }: Runtime): FromRevision {
  return { kind: "started", address: { url, adminUrl } };
}

function failed(error: unknown): FromRevision {
  if (error instanceof StartupProblems) {
    return { kind: "failed", problems: error.problems, ...(error.transient && { transient: true }) };
  }
  return { kind: "failed", problems: [error instanceof Error ? error.message : String(error)], transient: true };
}

async function exampleOf({ events }: Registry): Promise<string | undefined> {
  const first = [...events.values()].find(({ ingress }) => ingress && !ingress.signature);
  if (!first) return undefined;
  try {
    const { sample } = await import("../testing/sample.ts"); // loaded here: it is large
    return JSON.stringify(sample(first));
  } catch {
    return undefined; // `publish --sample` reports the reason
  }
}

function summarize({ functions, events, warnings }: Registry): ProjectSummary {
  return {
    functions: functions.map(({ name, triggers, emits }) => ({
      name,
      on: triggers.map(({ pattern, schedule }) => schedule?.text ?? pattern),
      emits: emits.map(({ type }) => type),
    })),
    ingress: [...events.values()].filter(({ ingress }) => ingress).map(({ type, ingress }) => ({
      type,
      path: ingress!.route ?? `/events/${type}`,
      ...(ingress!.signature && { signed: true }),
    })),
    warnings,
  };
}
