import type { Duration } from "../../core/duration.ts";
import type { Outcome } from "../../core/outcome.ts";
import type { ResourceFake } from "../fake_resource.ts";
import type { InvokeOptions } from "../invoke_options.ts";
import type { MemoryKvStore } from "../memory_kv_store.ts";
import type { Difference } from "./compare_worlds.ts";

/** Options of `crashPoints` and `assertIdempotent`. */
export interface CrashOptions<Outside = unknown>
  extends Pick<InvokeOptions, "event" | "subject" | "name" | "id" | "headers" | "env"> {
  /**
   * Prepares each run: fills buckets, starts a mock of a service. `world` receives the value that it returns. The value
   * is disposed of after the run if it is disposable.
   */
  readonly setup?: (given: { readonly kv: MemoryKvStore }) => Outside | Promise<Outside>;
  /**
   * Returns the values of the resources that the function uses, from `fakeResource`. Called for each run, with the
   * value of `setup`.
   *
   * @default none
   */
  readonly resources?: (outside: Outside) => readonly ResourceFake[];
  /**
   * Returns the state outside Weir as plain data, such as the charges that a payment service made. Only `world` can
   * show effects outside Weir. Return null if there are none.
   */
  readonly world?: (outside: Outside) => unknown;
  /** Objects whose method calls are crash points too, by name. The objects are patched in place during the runs. */
  readonly watch?: Readonly<Record<string, object>>;
  /**
   * The number of crashes in one run. With 2, every pair of crashes is tried, which takes many more runs.
   *
   * @default 1
   */
  readonly depth?: 1 | 2;
  /**
   * The longest time for a handler, in real time.
   *
   * @default "10s"
   */
  readonly timeout?: Duration;
}

/** A point at which the process died, and the result of the run. */
export interface CrashPoint {
  /** The point, such as `after kv inventory.update("book")`. */
  readonly at: string;
  /**
   * Whether the result differs from the result of the undisturbed run. `gave-up` means that the crashes used every
   * attempt or took longer than `maxAge`, so that the event is rightly a dead letter.
   */
  readonly verdict: "same" | "differs" | "gave-up";
  /** The differences from the undisturbed run. */
  readonly differences: readonly Difference[];
}

/** The results of all crashes. */
export interface CrashReport {
  /** The function's name. */
  readonly function: string;
  /** The outcome without a crash. */
  readonly outcome: Outcome;
  /** Every crash point. */
  readonly points: readonly CrashPoint[];
  /** The crash points that change the result. */
  readonly findings: readonly CrashPoint[];
  /** Values that differ between two undisturbed runs, such as random ids. They are not compared. */
  readonly varies: readonly string[];
  /** Calls that may have changed the state outside, if no `world` shows it. */
  readonly unseen: readonly string[];
}
