import denoJson from "../../deno.json" with { type: "json" };
import type { WeirDependency } from "./weir_dependency.ts";

const PERMISSIONS = "--allow-net --allow-env --allow-read", RUN = `deno run ${PERMISSIONS}`;
/** Deno's option with the flags of V8 for a busy process, see `deploy/CONFIGURATION.md`. */
export const V8_OPTION = "--v8-flags=--max-semi-space-size=8,--heap-growing-percent=50";
/**
 * Deno's option that keeps a start from reading the modules of every other command: a tenth of its CPU time. By default
 * Deno reads at the start each module that an `import()` names, whether it is called or not.
 */
export const LAZY_OPTION = "--unstable-lazy-dynamic-imports";
/** Deno's options for a process that runs in production. */
export const START_OPTIONS = [V8_OPTION, LAZY_OPTION];
/** Tells the memory limit of the container. */
const SYS = "--allow-sys=systemMemoryInfo";
const RUN_DENO = `"--allow-run=$(deno eval -p 'Deno.execPath()')"`;

/** Description and command of each task in a new project. A test compares them with the tasks of Weir's example. */
export const TASKS: Readonly<Record<string, readonly [description: string, command: string]>> = {
  dev: [
    "Run everything on this machine, with a nats-server, and reload on change",
    `${RUN} --allow-write --allow-run weir/cli dev`,
  ],
  start: ["Run in production", `deno run ${START_OPTIONS.join(" ")} ${PERMISSIONS} ${SYS} ${RUN_DENO} weir/cli start`],
  new: [
    "Write a function, its test and its events: NAME --on TYPE [--emits TYPE]",
    `deno run --allow-env --allow-read --allow-write=functions,schemas,tests ${RUN_DENO} weir/cli new`,
  ],
  publish: ["Publish events: TYPE and JSON, @FILE, - or --sample N", `${RUN} weir/cli publish`],
  functions: ["Show every function and how far behind it is", `${RUN} weir/cli functions`],
  events: [
    "Watch events and their outcomes live, cancel or move some, or record one for a test",
    `${RUN} --allow-write weir/cli events`,
  ],
  plan: ["Show what a start would change in streams and consumers", `${RUN} weir/cli plan`],
  apply: [
    "Create and change streams and consumers as plan shows; --prune removes unused consumers",
    `${RUN} weir/cli apply`,
  ],
  "dead-letters": ["List, show, redrive or discard dead letters", `${RUN} weir/cli dead-letters`],
  retries: ["List delayed retries and events, or cancel them", `${RUN} weir/cli retries`],
  replay: ["Send stored events to one function again: NAME --since 24h | --from SEQUENCE", `${RUN} weir/cli replay`],
  migrate: [
    "Move waiting events, retries and dead letters into or out of a namespace",
    `${RUN} weir/cli migrate`,
  ],
  doctor: ["Check the environment, the project and the cluster for known problems", `${RUN} ${SYS} weir/cli doctor`],
  "nats-permissions": [
    "Print the NATS users of this project, each with the permissions that it needs",
    `${RUN} weir/cli nats-permissions`,
  ],
  manifests: ["Write Kubernetes manifests of this project: [--out DIR]", `${RUN} --allow-write weir/cli manifests`],
  catalog: [
    "Write OpenAPI, AsyncAPI, JSON Schema, TypeScript types and a page of all events: [DIR]",
    "deno run --allow-env --allow-read --allow-write weir/cli catalog",
  ],
  schemas: [
    "Find schema changes that break events, publishers or consumers: check, verify, release",
    `${RUN} --allow-write=schemas weir/cli schemas`,
  ],
  types: [
    "Write schemas/_types.d.ts, from which editors complete event types; dev writes it by itself",
    "deno run --allow-env --allow-read --allow-write=schemas weir/cli types",
  ],
  completions: [
    "Print a script by which bash completes these tasks and their options",
    "deno run --allow-env --allow-read weir/cli completions",
  ],
  test: [
    "Run every test, on real nats-servers",
    "deno test --parallel --allow-net --allow-env --allow-read --allow-write --allow-run --allow-sys tests",
  ],
};
/** The tests need not check types again. */
const OK = "deno fmt --check && deno lint && deno check --quiet && deno task test --no-check";
const LINK = "$(deno eval -p 'decodeURIComponent(JSON.parse(Deno.readTextFileSync(`deno.json`)).links[0])')";

/**
 * Returns the text of `deno.json`. Its `links`, or its import of `weir`, is the only line that names a Weir.
 *
 * @param name Name of the project, and of its image.
 */
export function projectDenoJson(name: string, weir: WeirDependency): string {
  const context = weir.kind === "folder" ? ` --build-context "weir=${LINK}"` : "";
  const tasks = {
    ...TASKS,
    ok: ["The gate: format, lint, types, tests", OK],
    image: ["Build the image", `docker build -f deploy/Dockerfile${context} -t ${name} .`],
  };
  const json = {
    name,
    exports: {}, // a project exports nothing, and Deno warns of a name without exports
    ...(weir.kind === "folder" && { links: [weir.link] }),
    imports: {
      weir: `jsr:${denoJson.name}${weir.kind === "version" ? `@${weir.version}` : ""}`,
      zod: denoJson.imports.zod.replace(/@(\d)/, "@^$1"), // satisfies Weir as well, so that both share a copy
    },
    tasks: Object.fromEntries(
      Object.entries(tasks).map(([name, [description, command]]) => [name, { description, command }]),
    ),
    nodeModulesDir: "none",
    compilerOptions: { types: ["./schemas/_types.d.ts"] },
    fmt: { lineWidth: 120 },
    test: { sanitizeOps: true, sanitizeResources: true },
  };
  // deno fmt writes a list of one item on one line.
  return JSON.stringify(json, null, 2).replace(/\[\n\s+("[^"]*")\n\s+\]/g, "[$1]") + "\n";
}
