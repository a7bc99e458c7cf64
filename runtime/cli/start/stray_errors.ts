import { context } from "@opentelemetry/api";
import type { Log } from "../../api/context.ts";
import { errorDetail } from "../../core/error_detail.ts";
import { type ErrorDetail, errorText } from "../../core/outcome.ts";
import { isDialAlert } from "../../nats/client/dead_sockets.ts";
import { isOwnModule } from "../../core/own_modules.ts";
import { PROJECT } from "../../project/load_project.ts";
import type { Registry } from "../../project/registry.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { ownerOf } from "../../telemetry/otel/spans/span_scope.ts";

const OUTSIDE = "an error outside any handler: catch it where it is thrown";
/** A location in a stack trace. */
const LOCATION = /((?:file|https?):[^\s()]+)/;

/** Errors that are held until there is a log. A timer of a module that never loads may throw again and again. */
const MAX_HELD = 100;

/** An error that was thrown outside any handler. */
interface StrayError {
  readonly message: string;
  readonly error: ErrorDetail;
  /** Locations in code that is not Weir's own. */
  readonly places: readonly string[];
  readonly at: string | undefined;
  readonly owner: string | undefined;
}

/**
 * Catches errors that are thrown outside any handler, such as in a timer, an event listener or a promise that no
 * handler awaits. Deno would end the process for such an error, and with it the handlers of every other function.
 * Modules may throw while they are loaded, when there is no log yet. Errors are held until there is.
 */
export class StrayErrors {
  readonly #held: StrayError[] = [];
  #log = (stray: StrayError): void => {
    if (this.#held.length < MAX_HELD) this.#held.push(stray);
  };

  /** Replaces global timers, so it must be called before the modules of a project are loaded. */
  constructor() {
    addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      this.#report("unhandled rejection of a promise: await it, or catch its error", event.reason);
    });
    addEventListener("error", (event) => {
      event.preventDefault();
      const { error, message, filename, lineno } = event;
      if (isDialAlert(error?.code)) return; // the dial says why it failed
      this.#report(OUTSIDE, error === null ? message : error, `${filename}:${lineno}`);
    });
    for (const name of ["setTimeout", "setInterval", "setImmediate"]) {
      keepContext(name, (error) => this.#report(OUTSIDE, error));
    }
  }

  /** Returns the errors so far, a line each, for a start that fails. */
  problems(): string[] {
    return this.#held.map(({ message, error, at }) => `${at ?? "a module"}: ${message}: ${errorText(error)}`);
  }

  /**
   * Logs and counts the errors so far, and every later one.
   *
   * @param ended Called after each error. Default: the process goes on.
   */
  logTo(log: Log, registry: Registry, metrics: Metrics, ended: () => void = () => {}): void {
    const counter = metrics.counter("weir.uncaught_errors");
    const files = registry.functions.map(({ name, file }) => ({ name, url: `${new URL(file, PROJECT).href}:` }));
    this.#log = ({ message, error, places, at, owner }) => {
      const inFile = places.map((place) => files.find(({ url }) => place.startsWith(url))?.name).find(Boolean);
      const name = owner ?? inFile;
      counter.cell({ function: name ?? "" }).value++;
      log.error(message, { ...(name && { function: name }), ...(at && { at }), error });
      ended();
    };
    for (const stray of this.#held.splice(0)) this.#log(stray);
  }

  #report(message: string, thrown: unknown, location = ""): void {
    const places = [...locationsOf(thrown), location].filter((place) => LOCATION.test(place) && !isOwnModule(place));
    const at = (places.find((place) => place.startsWith(PROJECT.href)) ?? places[0])?.replace(PROJECT.href, "");
    this.#log({ message, error: errorDetail(thrown), places, at, owner: ownerOf(context.active()) });
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

/**
 * Makes a global timer report an error of its callback within the context that set the timer. Deno would report it
 * outside of that context.
 */
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
