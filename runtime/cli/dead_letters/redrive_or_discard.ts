import { NOT_REDRIVEN } from "../../http/admin/dead_letter_routes.ts";
import type { DeadLetterService } from "../../nats/dead_letters/service.ts";
import { usageError } from "../terminal/exit_codes.ts";
import { Progress } from "../terminal/progress.ts";
import { checkNames } from "../terminal/selected_names.ts";
import { printable } from "../../telemetry/otel/logs/printable.ts";
import { filterOf, list, print, type Selection } from "./list.ts";

/** Effect of `--force`, by the outcome that it overrides. */
const FORCED: Readonly<Record<string, string>> = {
  "held-back": ": --force redrives it again",
  parked: ": redrive the first dead letter of the key, or run this one out of order with --force",
};
/** Requests at once: ten thousand dead letters one after another would take as many round trips. */
const WINDOW = 64;

type Action = "redrive" | "discard";

interface Results {
  readonly counts: Record<string, number>;
  readonly missing: readonly number[];
}

/**
 * Redrives or discards dead letters, and prints how many had each outcome.
 *
 * @param sequences Sequences to act on. If empty, the options select the dead letters.
 * @throws {Error} when any dead letter was missing or could not be redriven.
 */
export async function redriveOrDiscard(
  action: Action,
  service: DeadLetterService,
  sequences: readonly number[],
  options: Selection,
): Promise<void> {
  checkUsage(action, sequences, options);
  if (options.dryRun) return await dryRun(service, sequences, options);
  const named = sequences.length > 0;
  const results = action === "redrive" && !named
    ? await redriveAll(service, options)
    : await actOnEach(action, service, sequences, options);
  if (!named && Object.values(results.counts).every((count) => count === 0)) {
    await checkNames(options, service.cluster);
  }
  const { counts, missing } = results;
  const onlyMissing = named && Object.entries(counts).every(([outcome, count]) => outcome === "missing" || count === 0);
  if (options.json || !onlyMissing) report(results, options); // otherwise the error says that all are missing
  if (named && missing.length > 0) throw missingError(missing);
  const failed = counts["no-function"] || counts["too-large"] || counts.failed;
  if (failed || named && (counts["held-back"] || counts.parked)) {
    throw new Error("not all dead letters were redriven: see above");
  }
}

function checkUsage(action: Action, sequences: readonly number[], options: Selection): void {
  const bySequence = sequences.length > 0, byOption = Object.keys(filterOf(options)).length > 0 || options.all === true;
  if (bySequence !== byOption) return;
  const fix = bySequence
    ? "name sequences or select by options, not both: options would be ignored"
    : "name sequences, select by options such as --function, or say --all";
  throw usageError(`${action} which? ${fix}`);
}

async function redriveAll(service: DeadLetterService, options: Selection): Promise<Results> {
  const progress = new Progress("redriven");
  try {
    const counts = await service.redriveAll(filterOf(options), options.force ?? false, {
      progress: ({ redriven }) => progress.at(redriven),
      failed: (sequence, error) => {
        progress.end(); // the error must not land on the line of the progress
        printFailure(sequence, error);
      },
    });
    return { counts: { ...counts }, missing: [] };
  } finally {
    progress.end();
  }
}

async function actOnEach(
  action: Action,
  service: DeadLetterService,
  named: readonly number[],
  options: Selection,
): Promise<Results> {
  const sequences = named.length > 0
    ? [...new Set(named)]
    : await Array.fromAsync(service.list(filterOf(options)), ({ sequence }) => sequence);
  const counts: Record<string, number> = {}, missing: number[] = [], parked = new Map<string, string>();
  const act = async (sequence: number) => {
    if (action === "discard") return await service.discard(sequence, parked) ? "discarded" : "missing";
    return await service.redrive(sequence, options.force ?? false).catch((error) => printFailure(sequence, error));
  };
  for (let at = 0; at < sequences.length; at += WINDOW) {
    const window = sequences.slice(at, at + WINDOW);
    for (const [index, outcome] of (await Promise.all(window.map(act))).entries()) {
      if (outcome === "missing") missing.push(window[index]);
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
  }
  // At the end, since parked events may be discarded as well.
  await service.sendParked(parked);
  return { counts, missing };
}

function report({ counts }: Results, { json }: Selection): void {
  const text = Object.entries(counts).filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count} ${outcome}`).join(", ");
  console.log(json ? JSON.stringify(counts) : text || "nothing matched");
  for (const [outcome, why] of Object.entries(NOT_REDRIVEN)) {
    if (counts[outcome]) console.error(`${outcome}: ${why}${FORCED[outcome] ?? ""}`);
  }
}

async function dryRun(service: DeadLetterService, sequences: readonly number[], options: Selection): Promise<void> {
  const letters = await Promise.all(sequences.map((sequence) => service.read(sequence)));
  const found = letters.filter((letter) => letter !== undefined);
  if (sequences.length === 0) await list(service, options);
  else await print(found.map(({ payload: _, headers: __, ...letter }) => letter), options);
  console.error("dry run: nothing was changed");
  const missing = sequences.filter((_, i) => letters[i] === undefined);
  if (missing.length > 0) throw missingError(missing);
}

function printFailure(sequence: number, error: unknown): "failed" {
  console.error(`dead letter ${sequence}: ${printable(error instanceof Error ? error.message : String(error))}`);
  return "failed";
}

function missingError(sequences: readonly number[]): Error {
  return new Error(`there is no dead letter ${sequences.join(", ")}`);
}
