import {
  type Backlog,
  type Change,
  nameOf,
  type SkippedEvents,
  type Step,
  UNHANDLED,
} from "../../nats/topology/step.ts";
import { formatDuration } from "../../core/duration.ts";
import { printable } from "../../telemetry/otel/logs/printable.ts";
import { type Colour, count, formatNumber, paint, type Screen } from "../terminal/output.ts";

/** Sign, colour and title of each kind of step, in the order of the output. */
const SIGNS: Partial<Record<Step["kind"], readonly [sign: string, colour: Colour, title: string]>> = {
  create: ["+", "green", "to create"],
  update: ["~", "yellow", "changed in place"],
  blocked: ["!", "red", "blocked: Weir cannot make this change"],
  orphan: ["-", "red", "of no function in this project"],
  moved: ["-", "red", "of a function with no trigger on that stream"],
};

/** Buckets that the summary names. */
const MAX_BUCKETS = 5;

/** Formats steps as a diff, grouped by kind, with a summary below. */
export function planText(steps: readonly Step[], target: Screen): string {
  const groups = Object.entries(SIGNS).flatMap(([kind, [, colour, title]]) => {
    const own = steps.filter((step) => step.kind === kind);
    return own.length === 0
      ? []
      : [[paint(colour, title, target), ...own.map((step) => stepText(step, target) + hint(step))].join("\n")];
  });
  return [...groups, summary(steps)].join("\n\n");
}

/** Says which command makes a change that a start does not make. */
function hint(step: Step): string {
  if (step.kind === "orphan" || step.kind === "moved") {
    return step.inUse ? "" : `\n      \`deno task apply --prune ${printable(step.name)}\` removes it`;
  }
  if (step.kind !== "update" || !step.narrows) return "";
  const removesTrigger = step.changes.some(({ field }) => field === "filter_subjects");
  return "\n      only `apply` does all of this: a start takes away nothing that another release may need" +
    (removesTrigger ? `;\n      ${UNHANDLED}` : "");
}

/** Formats one step: its resource, its changes, and their effect on stored events. */
export function stepText(step: Step, target: Screen): string {
  const [sign, colour] = SIGNS[step.kind] ?? [" ", "dim"];
  const lines = [...details(step), ...events(step)].map(printable);
  const head = paint(colour, printable(`${sign} ${nameOf(step)}`), target);
  // A created resource is one line, since a first plan creates many.
  if (step.kind === "create") return `  ${head}: ${lines.join("; ")}`;
  return [`  ${head}`, ...lines.map((line) => `      ${line}`)].join("\n");
}

function details(step: Step): string[] {
  switch (step.kind) {
    case "create":
      if (step.what === "bucket") return [];
      return [(step.what === "consumer" ? step.config.filter_subjects ?? [] : step.config.subjects ?? []).join(", ")];
    case "update":
      return step.changes.map(({ field, from, to }: Change) => `${field}: ${value(field, from)} → ${value(field, to)}`);
    case "blocked":
      return [...step.problems];
    default:
      return [];
  }
}

/** Describes the effect of a step on stored events. */
function events(step: Step): string[] {
  switch (step.kind) {
    case "create":
      if (step.what !== "consumer") return [step.what === "stream" ? "it has no events yet" : "it is empty"];
      if (step.waiting === undefined) {
        const { opt_start_seq: from } = step.config;
        const which = from === undefined ? "stored events" : `the stored events from sequence ${formatNumber(from)} on`;
        return [`starts with ${which} (the stream does not report how many)`];
      }
      return [
        `starts with ${count(step.waiting, "stored event")}` +
        (step.skipped ? `, and skips ${count(step.skipped, "older one")}` : ""),
      ];
    case "update":
      return step.leftOut.length > 0 ? step.leftOut.map(leftOut) : ["no stored event is skipped or repeated"];
    case "orphan":
    case "moved":
      return [
        backlog(step.backlog) +
        (step.inUse ? "; not pruned yet: a process pulls from it, or did within the last minute" : ""),
        ...step.unmarked ? ["it has no mark of this project: made by an earlier release, or by another project"] : [],
      ];
    case "blocked":
      return ["its events stay where they are"];
    default:
      return [];
  }
}

function leftOut({ why, subject, events }: SkippedEvents): string {
  const of = subject === ">" ? "" : ` of ${subject}`;
  const some = events === undefined
    ? `stored events${of} (the stream does not report how many)`
    : count(events, "stored event") + of;
  switch (why) {
    case "older":
      return `not handled, since the consumer is past them: ${some}. New events are`;
    case "removed":
      return `no longer handled, although they wait on it: ${some}`;
    case "expired":
      return `older than that and removed immediately: ${some}`;
    case "oversize":
      return "it holds more than that: the oldest stored events are removed immediately";
    case "full":
      return "it holds more than that: it refuses new events until enough stored ones expire";
  }
}

function backlog({ pending, unsettled, delayedRetries }: Backlog): string {
  const parts = [
    `${count(pending, "event")} ${pending === 1 ? "waits" : "wait"} on it`,
    ...unsettled > 0 ? [`${formatNumber(unsettled)} unsettled`] : [],
    ...delayedRetries > 0 ? [`${formatNumber(delayedRetries)} delayed`] : [],
  ];
  return parts.join(", ");
}

const NANOSECONDS = ["ack_wait", "max_age", "duplicate_window", "backoff", "max_expires", "inactive_threshold"];

function value(field: string, given: unknown): string {
  const nothing = given === undefined || given === null || Array.isArray(given) && given.length === 0;
  if (nothing) return field === "filter_subjects" ? "all of its stream" : "none";
  if (Array.isArray(given)) return given.map((item) => value(field, item)).join(", ");
  if (NANOSECONDS.includes(field)) {
    return given === 0 ? "no limit" : String(formatDuration(Math.round(Number(given) / 1e6)));
  }
  if (typeof given === "number") return given === -1 ? "no limit" : formatNumber(given);
  return typeof given === "object" ? metadata(given as Record<string, string>) : String(given);
}

/** Formats metadata, without the entries of the server. */
function metadata(given: Readonly<Record<string, string>>): string {
  const own = Object.entries(given).filter(([key]) => !key.startsWith("_nats."));
  return own.map((entry) => entry.join("=")).join(" ") || "none";
}

function summary(steps: readonly Step[]): string {
  const of = (...kinds: Step["kind"][]) => steps.filter(({ kind }) => kinds.includes(kind)).length;
  const parts = [
    [of("create"), "to create"],
    [of("update"), "to change"],
    [of("blocked"), "blocked"],
    [of("orphan", "moved"), "unused by the project"],
    [of("same"), "up to date"],
  ] as const;
  const text = parts.filter(([n]) => n > 0).map(([n, what]) => `${formatNumber(n)} ${what}`).join(", ");
  const others = of("foreign"),
    foreign = others === 0
      ? ""
      : `; ${formatNumber(others)} not declared by the project, never touched${buckets(steps)}`;
  return `${text || "the project needs nothing"}${foreign}`;
}

/** Names the buckets among what the project does not declare: those of its own handlers are there as well. */
function buckets(steps: readonly Step[]): string {
  const found = steps.filter(({ kind, what, name }) => kind === "foreign" && what === "stream" && /^KV_/.test(name))
    .map(({ name }) => printable(name.slice("KV_".length)));
  if (found.length === 0) return "";
  const more = found.length - MAX_BUCKETS, names = found.slice(0, MAX_BUCKETS).join(", ");
  return ` (with the key-value buckets ${names}${
    more > 0 ? ` and ${formatNumber(more)} more` : ""
  }, such as ctx.kv creates)`;
}
