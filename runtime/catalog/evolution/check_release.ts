import { didYouMean } from "../../core/did_you_mean.ts";
import type { Released, ReleasedEvent } from "./released.ts";
import { schemaChanges } from "./schema_changes.ts";

/**
 * Whom a change breaks: events that are stored in the earlier form, publishers that go on sending that form, or
 * consumers that know only that form.
 */
export type Broken = "events" | "publishers" | "consumers";

/** One change of an event since its release. */
export interface EventChange {
  readonly type: string;
  /** Path in the data; empty for the event as a whole. */
  readonly path: string;
  readonly what: string;
  /** Whom it breaks: empty for a safe change. */
  readonly breaks: readonly Broken[];
}

/** The changes of an event since its release, and why it must not be released like this. */
export interface CheckedEvent {
  readonly type: string;
  readonly releasedVersion: number | null;
  /** Null for an event that the project no longer declares. */
  readonly version: number | null;
  readonly changes: readonly EventChange[];
  /** Advice, before it can be released; undefined if it can be. */
  readonly refusal?: string;
}

/** Compares the events of a project with those of its last release. Unchanged events are left out. */
export function checkRelease(before: Released, after: Released): CheckedEvent[] {
  const types = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return types.flatMap((type) => {
    const checked = checkEvent(type, before, after);
    return checked.changes.length === 0 && checked.refusal === undefined ? [] : [checked];
  });
}

function checkEvent(type: string, released: Released, declared: Released): CheckedEvent {
  const before = released[type] as ReleasedEvent | undefined, after = declared[type] as ReleasedEvent | undefined;
  const releasedVersion = before?.version ?? null, version = after?.version ?? null;
  const whole = (what: string, ...breaks: Broken[]) => ({ type, path: "", what, breaks });
  if (!before) return { type, releasedVersion, version, changes: [whole("is a new event")] };
  if (!after) {
    const meant = didYouMean(type, Object.keys(declared).filter((other) => !released[other]));
    return {
      type,
      releasedVersion,
      version,
      changes: [whole(`is not declared any more${meant}`, "events", "publishers", "consumers")],
      refusal: `declare it again, until nothing publishes ${type} and no stored event is left`,
    };
  }
  const changes = [
    ...ingressChanges(before, after).map(([what, ...breaks]) => whole(what, ...breaks)),
    ...dataChanges(before, after).map(([what, ...breaks]) => whole(what, ...breaks)),
    ...schemaChanges(before.schema, after.schema).map(({ path, what, narrows, widens }) => ({
      ...{ type, path, what },
      breaks: [...(narrows ? ["events", "publishers"] as const : []), ...(widens ? ["consumers"] as const : [])],
    })),
    ...(before.version === after.version ? [] : [whole(`version ${before.version} is ${after.version} now`)]),
  ];
  const refusal = refusalOf(type, before, after, changes);
  const dropped = droppedUpcast(before, after).map(([what, ...breaks]) => whole(what, ...breaks));
  return {
    type,
    releasedVersion,
    version,
    changes: [...changes, ...dropped],
    ...(refusal !== undefined && { refusal }),
  };
}

type Whole = readonly [what: string, ...breaks: Broken[]];

function ingressChanges(before: ReleasedEvent, after: ReleasedEvent): Whole[] {
  if (before.ingress && !after.ingress) return [["cannot be published from outside any more", "publishers"]];
  if (!before.ingress && after.ingress) return [["can be published from outside"]];
  return [...signatureChanges(before, after), ...routeChanges(before, after)];
}

function signatureChanges(before: ReleasedEvent, after: ReleasedEvent): Whole[] {
  const isSigned = after.ingress?.signed;
  if (before.ingress?.signed === isSigned) return [];
  return [[isSigned ? "is published by signed requests alone now" : "takes no signed requests any more", "publishers"]];
}

function routeChanges(before: ReleasedEvent, after: ReleasedEvent): Whole[] {
  const was = before.ingress?.route, is = after.ingress?.route;
  if (was === is) return [];
  if (was === undefined) return [[`has the route ${is}`]];
  return [[`has its route ${was} no more${is === undefined ? "" : `: it is ${is} now`}`, "publishers"]];
}

function dataChanges(before: ReleasedEvent, after: ReleasedEvent): Whole[] {
  if (before.mayLackData === after.mayLackData) return [];
  return [after.mayLackData ? ["may have no data now", "consumers"] : ["needs data now", "events", "publishers"]];
}

/** An upcast that is gone is not refused: at some time no event of its version is left, as `schemas verify` tells. */
function droppedUpcast(before: ReleasedEvent, after: ReleasedEvent): Whole[] {
  if (after.readsFrom <= before.readsFrom || before.readsFrom === before.version) return [];
  return [[`events of version ${before.readsFrom} are not upcast any more: see \`schemas verify\``, "events"]];
}

function refusalOf(
  type: string,
  before: ReleasedEvent,
  after: ReleasedEvent,
  changes: readonly EventChange[],
): string | undefined {
  if (after.version < before.version) {
    return `give ${type} version ${before.version} or a later one: version ${after.version} has other data on the wire`;
  }
  const breaking = changes.filter(({ breaks }) => breaks.length > 0), { version } = before;
  const refusesStored = schemaRefusesStored(before, after);
  const upcast = `upcasts: { ${version}: (data) => … }`;
  if (after.version === version) {
    if (breaking.length === 0) return undefined;
    return `give ${type} \`version: ${version + 1}\`${refusesStored ? ` and \`${upcast}\`` : ""}`;
  }
  if (!refusesStored || after.readsFrom <= version) return undefined;
  return `give ${type} \`${upcast}\`, which makes stored events of version ${version} those of version ${after.version}`;
}

function schemaRefusesStored(before: ReleasedEvent, after: ReleasedEvent): boolean {
  return schemaChanges(before.schema, after.schema).some(({ narrows }) => narrows) ||
    before.mayLackData && !after.mayLackData;
}
