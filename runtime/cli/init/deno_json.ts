import denoJson from "../../deno.json" with { type: "json" };
import type { WeirDependency } from "./weir_dependency.ts";

const RUN = "deno run --allow-net --allow-env --allow-read";

/** The tasks of a project, as the example beside Weir has them: what each does, and its command. */
export const TASKS: Readonly<Record<string, readonly [description: string, command: string]>> = {
  dev: [
    "Run everything here, with a nats-server of its own, and reload on change",
    `${RUN} --allow-write --allow-run weir/cli dev`,
  ],
  start: ["Run in production", `${RUN} "--allow-run=$(deno eval -p 'Deno.execPath()')" weir/cli start`],
  new: [
    "Write a function, its test and its events: NAME --on TYPE [--emits TYPE]",
    "deno run --allow-env --allow-read --allow-write=functions,schemas,tests weir/cli new",
  ],
  publish: ["Publish events: TYPE and JSON, @FILE, - or --sample N", `${RUN} weir/cli publish`],
  functions: ["Show every function and how far behind it is", `${RUN} weir/cli functions`],
  events: [
    "Watch events and their outcomes live, or record one for a test",
    `${RUN} --allow-write weir/cli events`,
  ],
  plan: ["Show what a start would do to streams and consumers", `${RUN} weir/cli plan`],
  apply: [
    "Make streams and consumers what plan says; --prune removes unused consumers",
    `${RUN} weir/cli apply`,
  ],
  "dead-letters": ["List, show, redrive or discard dead letters", `${RUN} weir/cli dead-letters`],
  retries: ["List events that wait for their next attempt, or end the wait", `${RUN} weir/cli retries`],
  doctor: ["Look for known traps in the environment, the project and the cluster", `${RUN} weir/cli doctor`],
  types: [
    "Write schemas/_types.d.ts, by which an editor completes event types; dev does it by itself",
    "deno run --allow-env --allow-read --allow-write=schemas weir/cli types",
  ],
  test: [
    "Run every test, on real nats-servers",
    "deno test --parallel --allow-net --allow-env --allow-read --allow-write --allow-run --allow-sys tests",
  ],
};
const OK = "deno fmt --check && deno lint && deno check --quiet && deno task test";
const LINK = "$(deno eval -p 'JSON.parse(Deno.readTextFileSync(`deno.json`)).links[0]')";

/** The `deno.json` of a project. One line of it says where Weir is from: `links`, or the import of `weir`. */
export function projectDenoJson(image: string, weir: WeirDependency): string {
  const context = weir.kind === "folder" ? ` --build-context "weir=${LINK}"` : "";
  const tasks = {
    ...TASKS,
    ok: ["The gate: format, lint, types, tests", OK],
    image: ["Build the image", `docker build -f deploy/Dockerfile${context} -t ${image} .`],
  };
  const json = {
    ...(weir.kind === "folder" && { links: [weir.link] }),
    imports: {
      weir: `jsr:${denoJson.name}${weir.kind === "version" ? `@${weir.version}` : ""}`,
      zod: denoJson.imports.zod.replace(/@(\d)/, "@^$1"), // the version that Weir has, as long as both take it
    },
    tasks: Object.fromEntries(
      Object.entries(tasks).map(([name, [description, command]]) => [name, { description, command }]),
    ),
    nodeModulesDir: "none",
    compilerOptions: { types: ["./schemas/_types.d.ts"] },
    fmt: { lineWidth: 120 },
    test: { sanitizeOps: true, sanitizeResources: true },
  };
  // Lists as the formatter writes them.
  return JSON.stringify(json, null, 2).replace(/\[\n\s+("[^"]*")\n\s+\]/g, "[$1]") + "\n";
}
