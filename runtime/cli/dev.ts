import { Command, InvalidArgumentError } from "commander";
import { authProblem, ENVIRONMENT } from "../app/config.ts";
import { setVariables, variableWarnings } from "../app/warnings.ts";
import { Dev, type DevReady } from "../dev/dev.ts";
import { readDevConfig } from "../dev/dev_environment.ts";
import type { ProjectSummary } from "../dev/messages.ts";
import type { ApiKey } from "../http/api_keys.ts";
import { EVENT_TYPES_FILE, writeEventTypes } from "../project/event_types.ts";
import { PROJECT } from "../project/load_project.ts";
import { EXIT_CODES } from "./terminal/exit_codes.ts";
import { DENO, shellQuoted } from "./terminal/next_commands.ts";
import { paint } from "./terminal/output.ts";
import { onStopSignal } from "./terminal/signals.ts";
import { startArguments } from "./start/start_arguments.ts";

/** Port on which Deno's and Node's debuggers are found. */
const INSPECTOR_PORT = 9229;

export function devCommand(): Command {
  return new Command("dev")
    .description(
      "Run everything on this machine: a nats-server unless NATS_URL is set, mock services, reload on change.",
    )
    .addHelpText("after", "\nExamples:\n  deno task dev\n  PORT=8080 deno task dev\n  deno task dev --fresh")
    .option("--fresh", "delete all events and state of earlier runs first")
    .option("--inspect [port]", "let a debugger attach to the functions (default port: 9229)", port)
    .option("--no-check", "do not check types: what has type errors stays live")
    .action(dev);
}

interface Options {
  readonly fresh?: boolean;
  readonly check: boolean;
  /** True without a port. */
  readonly inspect?: number | true;
}

function port(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError("It must be a port");
  return Number(text);
}

async function dev({ fresh = false, check, inspect }: Options): Promise<void> {
  for (const warning of variableWarnings(setVariables())) console.error(`warning: ${warning}`);
  const config = readDevConfig();
  const unsafe = authProblem(config);
  if (unsafe) throw new Error(unsafe);
  const dev = new Dev({
    config,
    fresh,
    checkTypes: check,
    inspected: inspect !== undefined,
    revisionArguments: () => revisionArguments(inspect === true ? INSPECTOR_PORT : inspect),
    generateFiles: async () => await writeEventTypes(PROJECT) ? [EVENT_TYPES_FILE] : [],
    onReady: (ready) => console.log(banner(ready, config.WEIR_API_KEYS)),
  });
  onStopSignal(async () => {
    await dev.stop();
    Deno.exit(EXIT_CODES.done);
  }, () => {
    dev.kill();
    Deno.exit(EXIT_CODES.interrupted);
  });
  await dev.run();
}

/** Returns the arguments of the task "start", with the command `revision` instead of `start`. */
async function revisionArguments(inspectorPort: number | undefined): Promise<string[]> {
  const args = await startArguments();
  if (args.at(-1) === "start") {
    const [run, ...rest] = args.slice(0, -1);
    if (inspectorPort === undefined) return [run, ...rest, "revision"];
    const others = rest.filter((flag) => !flag.startsWith("--allow-sys")); // one that names some would win
    const sys = rest.some((flag) => flag === "-A" || flag === "--allow-all") ? [] : ["--allow-sys"];
    return [run, ...sys, ...others, "revision", "--inspect", String(inspectorPort)];
  }
  throw new Error('deno.json: the task "start" must be `deno run … weir/cli start`, since dev uses its permissions');
}

/** Formats what `dev` prints once it is up: functions, addresses, and commands to try. */
function banner(ready: DevReady, keys: readonly ApiKey[] | undefined): string {
  const { ms, url, admin, project, natsUrl, natsServer, example } = ready;
  const { functions, ingress } = project;
  const width = Math.max(0, ...functions.map(({ name }) => name.length));
  const rows = functions.map(({ name, on, emits }) => {
    const to = emits.length === 0 ? "" : paint("dim", ` → ${emits.join(", ")}`);
    return `  ${paint("bold", name.padEnd(width))}  ${on.join(", ")}${to}`;
  });
  const nats = natsServer
    ? `${natsUrl}  nats-server ${natsServer.version}, data in .weir/ (--fresh deletes it)`
    : `${natsUrl}  (NATS_URL)`;
  const routes = ingress.map(({ path }) => path).filter((path) => !path.startsWith("/events/"));
  return [
    "",
    `${paint("green", "Weir is up")} in ${Math.round(ms)} ms`,
    "",
    ...rows.length > 0 ? rows : [`  no functions yet: ${DENO} task new NAME --on TYPE`],
    "",
    ...ENVIRONMENT.get("WEIR_CONSOLE") === "off" ? [] : [`  console    ${paint("cyan", `${admin}/`)}`],
    `  ingress    ${paint("cyan", [`${url}/events/TYPE`, ...routes].join(", "))}`,
    `  functions  ${paint("cyan", `${admin}/functions`)}, /metrics, /dead-letters; or: ${DENO} task functions`,
    `  health     ${paint("cyan", `${url}/health`)}`,
    `  NATS       ${nats}`,
    "",
    ...commandsToTry(project, url, keys !== undefined, example),
    "Saved files go live at once. Ctrl-C stops everything.",
  ].join("\n");
}

/** Returns commands that publish an event. Only its sender can sign that of a webhook. */
function commandsToTry({ ingress }: ProjectSummary, url: string, needsKey: boolean, example = "…"): string[] {
  const first = ingress.find(({ signed }) => !signed);
  if (!first) return [];
  const key = needsKey ? ` -H 'authorization: Bearer SECRET'` : "";
  return [
    "  try, in another terminal:",
    `    curl -i ${url}${first.path} -H 'content-type: application/json'${key} -d ${shellQuoted(example)}`,
    `    ${DENO} task publish ${first.type} --sample 3`,
    `    ${DENO} task events tail`,
    "",
  ];
}
