import type { NatsConnection } from "@nats-io/transport-node";
import type { NatsServer } from "../../runtime/nats_server/server.ts";
import type { Collector } from "./collector_process.ts";
import type { HANDLERS } from "./contestants/task.ts";
import type { Spread } from "./rounds.ts";
import type { ContestantKind } from "./run.ts";

/** The parameters of a scenario's run. */
export interface Setting {
  /** The nats-server of this scenario. */
  readonly server: NatsServer;
  readonly nc: NatsConnection;
  readonly collector: Collector;
  readonly rounds: number;
  /** The size of the backlog in *drain*; the others are sized in proportion. */
  readonly events: number;
  /** The ratio of traces to export. Default: the scenario's own. */
  readonly traces?: string;
  /** The shapes of *drain*'s handler. Default: all. */
  readonly handlers?: readonly (typeof HANDLERS[number])[];
  /** The contestants of *drain*, besides the bare loop. Default: all. */
  readonly contestants?: readonly ContestantKind[];
  /** True to leave out the runs that no bar needs. @default false */
  readonly onlyBars?: boolean;
  /** Reports progress, which replaces the line before. */
  readonly progress: (what: string) => void;
}

/** The figures of a contestant, with their spread over the rounds. */
export interface Row {
  readonly name: string;
  readonly figures: Readonly<Record<string, Spread | undefined>>;
}

/** The ratio of two figures. */
export interface Ratio {
  readonly what: string;
  readonly value: Spread;
  /** The limit for its median. */
  readonly bar?: Bar;
}

/** A limit for a figure. */
export interface Bar {
  readonly kind: "at least" | "at most";
  readonly limit: number;
}

/** An absolute figure with its limit. */
export interface Aim {
  readonly what: string;
  readonly unit: string;
  readonly value: Spread;
  readonly bar?: Bar;
}

/** The result of a scenario. */
export interface Section {
  readonly name: string;
  /** A description of the run, in a sentence. */
  readonly about: string;
  readonly rows: readonly Row[];
  readonly ratios: readonly Ratio[];
  readonly aims?: readonly Aim[];
  /** Lost and repeated events, in words. Any fails the whole run. */
  readonly broken: readonly string[];
}

/** One part of `deno task bench`. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  run(setting: Setting): Promise<Section>;
}

/** Whether the median is as wanted. */
export function isMet({ median }: Spread, { kind, limit }: Bar): boolean {
  return kind === "at least" ? median >= limit : median <= limit;
}
