import { context } from "@opentelemetry/api";
import type { Log } from "../../api/context.ts";
import { errorDetail } from "../../core/error_detail.ts";
import { isOwnModule } from "../../core/own_modules.ts";
import { PROJECT } from "../../project/load_project.ts";
import type { Registry } from "../../project/registry.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { ownerOf } from "../../telemetry/otel/spans/span_scope.ts";

const OUTSIDE = "an error outside any handler: catch it where it is thrown";
/** A location in a stack trace. */
const LOCATION = /((?:file|https?):[^\s()]+)/;

/**
 * Logs and counts errors that are thrown outside any handler, such as in a timer, an event listener or a promise that no
 * handler awaits. Deno would end the process for one, and with it the handlers of every other function.
 *
 * @param ended Is called after each. Default: the process goes on.
 */
export function logStrayErrors(log: Log, registry: Registry, metrics: Metrics, ended: () => void = () => {}): void {
  const counter = metrics.counter("weir.uncaught_errors");
  const files = registry.functions.map(({ name, file }) => ({ name, url: `${new URL(file, PROJECT).href}:` }));
  const report = (message: string, thrown: unknown, location = "") => {
    const places = [...locationsOf(thrown), location].filter((place) => LOCATION.test(place) && !isOwnModule(place));
    const inFile = places.map((place) => files.find(({ url }) => place.startsWith(url))?.name).find(Boolean);
    const name = ownerOf(context.active()) ?? inFile,
      at = (places.find((place) => place.startsWith(PROJECT.href)) ?? places[0])?.replace(PROJECT.href, "");
    counter.cell({ function: name ?? "" }).value++;
    log.error(message, { ...(name && { function: name }), ...(at && { at }), error: errorDetail(thrown) });
    ended();
  };
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    report("unhandled rejection of a promise: await it, or catch its error", event.reason);
  });
  addEventListener("error", (event) => {
    event.preventDefault();
    const { error, message, filename, lineno } = event;
    report(OUTSIDE, event.error === null ? message : error, `${filename}:${lineno}`);
  });
  for (const name of ["setTimeout", "setInterval", "setImmediate"]) {
    keepContext(name, (error) => report(OUTSIDE, error));
  }
}

/** Returns the locations in the stack trace of an error. What is thrown may be anything, and its getters may throw. */
function locationsOf(thrown: unknown): string[] {
  try {
    const { stack } = thrown as Error;
    return String(stack).split("\n").flatMap((frame) => LOCATION.exec(frame)?.[1] ?? []);
  } catch {
    return [];
  }
}

type Timer = (callback: unknown, ...rest: unknown[]) => unknown;

/** Has a global timer report the error of a callback in the context that set it. Deno reports it after it has left that. */
function keepContext(name: string, report: (error: unknown) => void): void {
  const globals = globalThis as unknown as Record<string, Timer>, set = globals[name];
  globals[name] = Object.defineProperties(
    (callback: unknown, ...rest: unknown[]) => {
      if (typeof callback !== "function" || ownerOf(context.active()) === undefined) return set(callback, ...rest);
      return set(function (this: unknown, ...given: unknown[]) {
        try {
          Reflect.apply(callback, this, given);
        } catch (error) {
          report(error);
        }
      }, ...rest);
    },
    Object.getOwnPropertyDescriptors(set),
  );
}
