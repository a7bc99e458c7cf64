import type { DeadLetterGroup } from "../../core/dead_letter.ts";
import type { DeadLetterService } from "../../nats/dead_letters/service.ts";
import { printJson, type Screen, screen, shortTime } from "../terminal/output.ts";
import { checkNames } from "../terminal/selected_names.ts";
import { type Row, table } from "../terminal/table.ts";
import { filterOf, type Selection } from "./list.ts";

/** Prints the causes of the selected dead letters. */
export async function groups(service: DeadLetterService, options: Selection): Promise<void> {
  const { groups, ungrouped } = await service.groups(filterOf(options));
  if (groups.length === 0) await checkNames(options, service.cluster);
  if (options.json) return printJson(groups);
  console.log(groups.length === 0 ? "no dead letters" : groupTable(groups, screen(), Date.now()));
  if (ungrouped > 0) console.error(`${ungrouped} more are not told apart, beyond ${groups.length} groups`);
}

/** Formats groups, the error of each below it on a terminal and in the last column of a pipe. */
export function groupTable(groups: readonly DeadLetterGroup[], target: Screen, nowMs: number): string {
  const { terminal } = target;
  const head = ["group", "count", "function", "type", "reason", "first", "last", terminal ? "e.g." : "sample"];
  const rows = groups.flatMap(({ error, ...group }): Row[] => {
    const { id, count, function: fn, type, reason, first, last, sample } = group;
    const cells = [
      ...[id, count, fn, type, reason],
      ...[shortTime(first, nowMs, target), shortTime(last, nowMs, target), sample],
    ];
    return terminal ? [cells, { below: error }] : [[...cells, error]];
  });
  return table(terminal ? head : [...head, "error"], rows, target);
}
