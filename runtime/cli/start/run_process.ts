import type { EventDefinition } from "../../api/define_event.ts";
import type { Log } from "../../api/context.ts";
import { provideValues } from "../../api/provided_values.ts";
import { authProblem, type Config, ENVIRONMENT, readConfig, readFunctionNames } from "../../app/config.ts";
import { inboxProblem } from "../../app/nats_variables.ts";
import { memoryLimits, memoryProblem } from "../../app/memory_limit.ts";
import { ownVariableNames, readOwnConfig, selectConfigs } from "../../app/own_config.ts";
import { setVariables, variableWarnings } from "../../app/warnings.ts";
import { selectFunctions, unknownFunctions } from "../../app/select_functions.ts";
import { type Runtime, startRuntime } from "../../app/runtime.ts";
import type { MayApply } from "../../app/topology_keeper.ts";
import { isOwnModule } from "../../core/own_modules.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { withTimeout } from "../../nats/client/with_timeout.ts";
import { loadProject, PROJECT } from "../../project/load_project.ts";
import type { Registry } from "../../project/registry.ts";
import { StartupProblems } from "../../project/startup_problems.ts";
import { type Metrics, setupMetrics } from "../../telemetry/metrics.ts";
import { declareSecrets } from "../../telemetry/otel/logs/redact.ts";
import { setupTracing } from "../../telemetry/setup_tracing.ts";
import { EXIT_CODES } from "../terminal/exit_codes.ts";
import { onServiceSignal } from "../terminal/signals.ts";
import { reportFailure, setupProcessLog } from "./process_log.ts";
import { StrayErrors } from "./stray_errors.ts";

/**
 * Milliseconds that an unfinished start has to close its resources when the process stops: the timeout of `close`, and
 * a margin.
 */
const ABORTED_START_MS = 4_000;

export interface StartOptions {
  /** Whether the process may create and change streams, consumers and buckets. */
  readonly apply: MayApply;
  /** Set if `dev` runs the process, with the address of its public listener. Default: it runs by itself. */
  readonly dev?: { readonly url?: string };
}

/** The Weir process that started this one: the supervisor of `start`, or `dev`. */
export interface ParentProcess {
  /** Number of this worker, from 1. Omit it for a process that shares no listener. */
  readonly worker?: number;
  /** Leaves the log lines about start and stop to the parent. @default false */
  readonly quiet?: boolean;
  /** Runs once the project is loaded and checked. Nothing is connected or opened before it resolves. */
  loaded?(registry: Registry): Promise<void>;
  /** Runs once the runtime is up. `startAgain` starts the same functions again after the runtime was stopped. */
  ready(runtime: Runtime, startAgain: () => Promise<Runtime>): void;
  metrics?(metrics: Metrics): void;
  /** Receives `reload`, and calls it when the parent asks this process to read credentials again. */
  onReload?(reload: () => void): void;
  /** Receives `stop`, and calls it when the parent asks this process to stop or disconnects. */
  onStop(stop: () => void): void;
}

/**
 * Runs the functions in this process until it is stopped.
 *
 * @param parent Process that started this process. Default: it was started from a command line.
 * @param known Configuration that was read already. A file with a secret may be a pipe, which can be read only once.
 * Default: the configuration is read here.
 * @throws {StartupProblems} naming every problem of configuration and code at once.
 */
export async function runProcess({ apply, dev }: StartOptions, parent?: ParentProcess, known?: Config): Promise<void> {
  const strays = new StrayErrors(), exitLog = new ExitLog();
  const { config, registry } = await loadAll(strays, known);
  await parent?.loaded?.(registry);
  const worker = parent?.worker, quiet = parent?.quiet ?? false;
  const { log, shutdown: shutdownLog } = await setupProcessLog(config, worker === undefined ? undefined : { worker });
  const tracing = await setupTracing(ENVIRONMENT.get, config.OTEL_SERVICE_NAME);
  const metrics = await setupMetrics(ENVIRONMENT.get, config.OTEL_SERVICE_NAME);
  const flush = () => Promise.all([tracing.shutdown(), metrics.shutdown()]);
  exitLog.log = log;
  if (!quiet) logWarnings(log, (worker ?? 1) === 1 ? registry : undefined);

  const runtimes: Runtime[] = [], shutdown = new AbortController();
  // A misspelt type is a warning: with narrower filters the events of the right one would be skipped.
  const mayApply = apply === "narrow" && registry.warnings.length > 0 ? true : apply;
  let starting: Promise<unknown> = Promise.resolve();
  const startAgain = async () => {
    const own = { metrics, sharesPort: worker !== undefined, apply: mayApply, signal: shutdown.signal };
    const start = startRuntime(config, registry, log, { ...own, dev, sample });
    starting = start.catch(() => {});
    const runtime = await start;
    runtimes.push(runtime);
    return runtime;
  };
  const stop = async (why: { signal: Deno.Signal } | { reason: string }, code: number = EXIT_CODES.done) => {
    // An unfinished start must not begin to pull: the process exits, and handlers that it ends would use up attempts.
    shutdown.abort();
    if (!quiet) log.info("shutting down", { ...why, grace_ms: config.SHUTDOWN_GRACE });
    await Promise.all(runtimes.map((runtime) => runtime.stop()));
    if (registry.resources.length > 0) await withTimeout(systemClock, ABORTED_START_MS, starting).catch(() => {});
    await flush();
    await shutdownLog(quiet ? "" : undefined);
    Deno.exit(code);
  };
  let stopping: Promise<void> | undefined;
  strays.logTo(log, registry, metrics, () => {
    if (config.WEIR_UNCAUGHT !== "exit") return;
    stopping ??= stop({ reason: "WEIR_UNCAUGHT is exit, and an error was not caught" }, EXIT_CODES.failed);
  });
  const reload = () => stopping ?? runtimes.forEach((one) => void one.reload());
  parent?.onReload?.(reload);
  // A second signal exits at once, but not in a child process: terminal and parent may each send it one, and the parent
  // can kill it.
  const exit = () => parent ? undefined : Deno.exit(EXIT_CODES.interrupted);
  onServiceSignal((signal) => void (stopping ??= stop({ signal })), exit, quiet ? undefined : reload);
  parent?.onStop(() => void (stopping ??= stop({ reason: "the parent process asked for it or disconnected" })));
  parent?.metrics?.(metrics);
  let runtime: Runtime;
  try {
    runtime = await startAgain();
  } catch (error) {
    if (stopping) return await stopping;
    await flush();
    throw error;
  }
  const exported = { traces: tracing.exportsTo ?? "not exported", metrics: metrics.pushesTo ?? "at /metrics only" };
  const fields = { ...startedFields(runtime, config, registry), ...exported };
  if (!quiet) log.info(worker === undefined ? "ready" : "worker ready", fields);
  parent?.ready(runtime, startAgain);
}

/** Makes sample data for the console. */
async function sample(event: EventDefinition, seed: number): Promise<unknown> {
  const { sample } = await import("../../testing/sample.ts"); // loaded here: it is large
  return sample(event, { seed });
}

function startedFields({ url, adminUrl: admin }: Runtime, config: Config, registry: Registry) {
  const functions = selectFunctions(config, registry).map(({ name }) => name);
  return { pid: Deno.pid, url, admin, namespace: config.WEIR_NAMESPACE, functions };
}

const UNNAMED = 'deno.json has no "name": streams and consumers carry no mark of this project, so another project on ' +
  'this NATS account may share them. Write "name" and "exports": {} into it, or set WEIR_NAMESPACE';

/** Logs the warnings of this process. @param registry Project, whose warnings the first worker logs for all. */
function logWarnings(log: Log, registry?: Registry): void {
  const warnings = registry
    ? [...variableWarnings(setVariables(), ownVariableNames(registry)), ...registry.warnings]
    : [];
  if (registry && registry.project === undefined && !ENVIRONMENT.get("WEIR_NAMESPACE")) warnings.push(UNNAMED);
  const tooLarge = memoryProblem(memoryLimits());
  if (tooLarge) {
    warnings.push(`${tooLarge}: set DENO_USE_CGROUPS=1, or run Deno with --v8-flags=--max-old-space-size=MiB`);
  }
  for (const warning of warnings) log.warn(warning);
}

/** Reads the configuration and loads the project, and collects the problems of both. */
async function loadAll(strays: StrayErrors, known?: Config): Promise<{ config: Config; registry: Registry }> {
  const problems: string[] = [];
  const collect = (error: unknown) => {
    if (!(error instanceof StartupProblems)) throw error;
    problems.push(...error.problems);
    return undefined;
  };
  let config: Config | undefined;
  try {
    config = known ?? readConfig();
    const unsafe = authProblem(config);
    if (unsafe) problems.push(unsafe);
  } catch (error) {
    collect(error);
  }
  const registry = await loadProject().catch(collect);
  if (registry) problems.push(...readOwn(registry, config), ...selectionProblems(registry, config));
  const stored = config && registry && inboxProblem(config, registry.streams);
  if (stored) problems.push(stored);
  if (problems.length > 0 || !config || !registry) {
    // A misspelt name of a variable may be the cause.
    const misspelt = variableWarnings(setVariables(), registry && ownVariableNames(registry));
    throw new StartupProblems([...problems, ...strays.problems(), ...misspelt]);
  }
  return { config, registry };
}

/** Returns the problems of `WEIR_FUNCTIONS`. @param config Undefined if other variables are wrong. */
function selectionProblems({ functions }: Registry, config: Config | undefined): string[] {
  if (config?.WEIR_ROLES.includes("functions") === false) return [];
  return unknownFunctions(readFunctionNames() ?? [], functions);
}

/** Reads the variables that the project declares, and provides them to its code. Returns their problems. */
function readOwn(registry: Registry, config: Config | undefined): readonly string[] {
  const own = readOwnConfig(selectConfigs(registry, config), ENVIRONMENT);
  declareSecrets(own.secrets);
  provideValues(own);
  return own.problems;
}

/** Functions that end a process, as they stand in a stack trace. */
const EXIT = /\b(Object\.exit|process\.exit|reallyExit)\b/;

const EXITS = "Deno.exit or process.exit ends the process, and with it every handler that runs: throw an Error instead";

/** Logs which line of project code ended the process. Deno itself ends it without a message. */
class ExitLog {
  /** Undefined while the project is loaded. */
  log: Log | undefined;

  constructor() {
    addEventListener("unload", () => {
      const location = callerOfExit(new Error().stack ?? "");
      if (location === undefined || isOwnModule(location)) return;
      const at = location.replace(PROJECT.href, "");
      if (this.log) this.log.error(EXITS, { at });
      else reportFailure(`${at}: ${EXITS}`, undefined);
    });
  }
}

/** Returns the location that called exit, or undefined if the process ends for another reason. */
function callerOfExit(stack: string): string | undefined {
  const frames = stack.split("\n"), exit = frames.findLastIndex((frame) => EXIT.test(frame));
  if (exit < 0) return undefined;
  const location = /((?:file|https?):[^\s()]+)/;
  return location.exec(frames.slice(exit + 1).find((frame) => location.test(frame)) ?? "")?.[1];
}
