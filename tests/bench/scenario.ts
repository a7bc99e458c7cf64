import type { NatsConnection } from "@nats-io/transport-node";
import type { NatsServer } from "../../runtime/nats_server/server.ts";
import type { Collector } from "./collecting.ts";
import type { Spread } from "./rounds.ts";

/** What a scenario is run with. */
export interface Setting {
  /** A server of this scenario's own. */
  readonly server: NatsServer;
  readonly nc: NatsConnection;
  readonly collector: Collector;
  readonly rounds: number;
  /** The size of the backlog in *drain*; the others are sized in proportion. */
  readonly events: number;
  /** How much of traces is exported, in place of the scenario's own choice. */
  readonly traces?: string;
  /** Tells how it goes: one line at a time is shown. */
  readonly progress: (what: string) => void;
}

/** One who was measured: every figure has its spread over the rounds. */
export interface Row {
  readonly name: string;
  readonly figures: Readonly<Record<string, Spread | undefined>>;
}

/** One beside another. */
export interface Ratio {
  readonly what: string;
  readonly value: Spread;
  /** What is wanted of its median. */
  readonly bar?: Bar;
}

/** What is wanted of a figure. */
export interface Bar {
  readonly kind: "at least" | "at most";
  readonly limit: number;
}

/** A figure that is no ratio, and what is wanted of it. */
export interface Aim {
  readonly what: string;
  readonly unit: string;
  readonly value: Spread;
  readonly bar?: Bar;
}

/** What a scenario found. */
export interface Section {
  readonly name: string;
  /** What was done, in a sentence. */
  readonly about: string;
  readonly rows: readonly Row[];
  readonly ratios: readonly Ratio[];
  readonly aims?: readonly Aim[];
  /** Events that were lost or came twice, in words. Any makes the whole run fail. */
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
