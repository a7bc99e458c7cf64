import { StartupProblems } from "../project/startup_problems.ts";
import type { Registry } from "../project/registry.ts";
import type { FromRevision, ProjectSummary, ToRevision } from "../dev/messages.ts";
import type { Runtime } from "../app/runtime.ts";
import { run } from "./start.ts";

/** `generation`: what `dev` runs the project in. It loads when it is told to, runs when it is told to, ends with `dev`. */
export async function generation(): Promise<void> {
  if (!process.send) throw new Error("`generation` is run by `dev`, and by nobody else");
  const tell = (what: FromRevision) =>
    new Promise<void>((told) => process.send!(what, undefined, undefined, () => told()));
  let gone = () => Deno.exit(0);
  process.on("disconnect", () => gone());
  process.on("message", (message) => void (message === "stop" && gone()));
  const told = (what: ToRevision) =>
    new Promise<void>((resolve) =>
      process.on("message", function listen(message) {
        if (message !== what) return;
        process.off("message", listen);
        resolve();
      })
    );
  await told("load");
  Deno.permissions.revokeSync({ name: "run", command: Deno.execPath() }); // as in `start`
  try {
    await run({ apply: true }, {
      quiet: true,
      loaded: async (registry) => {
        const go = told("go");
        process.on("message", async (message) => {
          if (message === "example") await tell({ kind: "example", json: await exampleOf(registry) });
        });
        await tell({ kind: "loaded", loaded: describe(registry) });
        await go;
      },
      ready: (runtime, startAgain) => {
        process.on("message", obey(runtime, startAgain, tell));
        void tell(readyAt(runtime));
      },
      left: (stop) => gone = stop as () => never,
    });
  } catch (error) {
    // It is ended by whoever reads this: what was sent just before an end may come after it, and be lost.
    process.on("message", () => {});
    await tell(problemsOf(error));
  }
}

/** Stops the runtime when told to rest, starts another with the same functions when told to go, says if one is busy. */
function obey(
  runtime: Runtime,
  startAgain: () => Promise<Runtime>,
  tell: (what: FromRevision) => Promise<void>,
): (message: unknown) => Promise<void> {
  const runtimes = [runtime];
  let resting = false;
  return async (message) => {
    if (message === "busy") await tell({ kind: "busy", busy: runtimes.some(({ inFlight }) => inFlight > 0) });
    else if (message === "rest") {
      resting = true;
      await runtime.stop();
    } else if (message === "go") {
      try {
        if (resting) runtimes.push(runtime = await startAgain());
        resting = false;
        await tell(readyAt(runtime));
      } catch (error) {
        await tell(problemsOf(error));
      }
    }
  };
}

function readyAt({ url, adminUrl }: Runtime): FromRevision {
  return { kind: "ready", address: { url, adminUrl } };
}

function problemsOf(error: unknown): FromRevision {
  if (error instanceof StartupProblems) return { kind: "problems", problems: error.problems };
  return { kind: "problems", problems: [error instanceof Error ? error.message : String(error)], passing: true };
}

/** It is loaded only for this: what makes it is not part of what runs. */
async function exampleOf({ events }: Registry): Promise<string | undefined> {
  const first = [...events.values()].find(({ ingress }) => ingress);
  if (!first) return undefined;
  const { sample } = await import("../testing/sample.ts");
  try {
    return JSON.stringify(sample(first));
  } catch {
    return undefined; // `publish --sample` says why
  }
}

function describe({ functions, events, warnings }: Registry): ProjectSummary {
  return {
    functions: functions.map(({ name, triggers, emits }) => ({
      name,
      on: triggers.map(({ pattern }) => pattern),
      emits: emits.map(({ type }) => type),
    })),
    ingress: [...events.values()].filter(({ ingress }) => ingress).map(({ type, ingress }) => ({
      type,
      path: ingress!.route ?? `/events/${type}`,
    })),
    warnings,
  };
}
