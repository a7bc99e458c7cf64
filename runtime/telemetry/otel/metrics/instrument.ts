export interface Instrument {
  readonly kind: "counter" | "gauge" | "histogram";
  /** A UCUM unit. `s` and `By` become part of the Prometheus name; `{words}` are annotations only. */
  readonly unit: string;
  /** Label names. Each has a bounded set of values: names of functions, events, routes and reasons, never an id. */
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

export type Catalogue = Readonly<Record<string, Instrument>>;

/** The names of a catalogue's instruments of one kind. */
export type NameOf<Instruments extends Catalogue, Kind extends Instrument["kind"]> = {
  [Name in keyof Instruments]: Instruments[Name] extends { kind: Kind } ? Name : never;
}[keyof Instruments];

export type Labels = Readonly<Record<string, string | number>>;

const UNIT_SUFFIX: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes" };

/** Returns the Prometheus name of an instrument: with its unit, and with `_total` for a counter. */
export function prometheusName(name: string, { kind, unit }: Pick<Instrument, "kind" | "unit">): string {
  return name.replaceAll(".", "_") + (UNIT_SUFFIX[unit] ?? "") + (kind === "counter" ? "_total" : "");
}
