import type { JetStreamManager, MsgRequest, StreamInfo } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { formatDuration } from "../../core/duration.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { serverTime } from "../client/server_time.ts";
import { countMessages } from "../inspect/count_messages.ts";
import { raises } from "../topology/config_diff.ts";
import type { Change, Step } from "../topology/step.ts";
import type { WaitingEvents } from "./waiting_events.ts";

type Reader = { readonly nc: Pick<NatsConnection, "request">; readonly jsm: JetStreamManager };

/** Returns a warning if events that wait for a function are older than its `maxAge`. */
export async function expiredWarnings(
  reader: Reader,
  { name, policy: { maxAgeMs } }: ResolvedFunction,
  waiting: WaitingEvents,
): Promise<string[]> {
  if (maxAgeMs === undefined) return [];
  const info = await reader.jsm.streams.info(waiting.stream);
  const count = await countBefore(reader, waiting, await sequenceAt(reader, info, serverTime(info) - maxAgeMs));
  if (count === 0) return [];
  const all = waiting.count === undefined ? "stored events" : `${waiting.count} stored events`;
  const what = waiting.isNew
    ? `begins with ${all} of ${waiting.stream}, of which ${count} are`
    : `${count} events that wait in ${waiting.stream} are`;
  const advice = waiting.isNew ? "`from` lets it begin later, and a longer `maxAge` handles them" : "a longer `maxAge`";
  const age = formatDuration(maxAgeMs);
  return [`${name}: ${what} older than its \`maxAge\` of ${age}, and become dead letters, \`expired\`: ${advice}`];
}

/** Returns a warning for each function whose unhandled events a lower limit of their stream removes. */
export async function removedWarnings(
  reader: Reader,
  steps: readonly Step[],
  waiting: readonly WaitingEvents[],
): Promise<string[]> {
  const warnings: string[] = [];
  for (const step of steps) {
    if (step.kind !== "update" || step.what !== "stream") continue;
    for (const change of step.changes.filter(isLowered)) {
      const info = await reader.jsm.streams.info(step.name), before = await firstKept(reader, info, change);
      for (const one of waiting.filter(({ stream, isNew }) => stream === step.name && !isNew)) {
        const count = await countBefore(reader, one, before), isAge = change.field === "max_age";
        if (count === 0) continue;
        const limit = isAge ? `maxAge of ${formatDuration(Number(change.to) / 1e6)}` : `maxBytes of ${change.to}`;
        const what = `${isAge ? "" : "about "}${count} events that ${one.functionName} has not handled`;
        const advice = "apply it once they are handled, or keep the limit";
        warnings.push(`stream ${step.name}: a ${limit} removes ${what}, without a dead letter: ${advice}`);
      }
    }
  }
  return warnings;
}

function isLowered(change: Change): boolean {
  return (change.field === "max_age" || change.field === "max_bytes") && !raises(change);
}

/** Returns the first sequence that a stream keeps under a lower limit. Of bytes it is an estimate, by their average. */
async function firstKept(reader: Reader, info: StreamInfo, { field, to }: Change): Promise<number> {
  if (field === "max_age") return await sequenceAt(reader, info, serverTime(info) - Number(to) / 1e6);
  const { first_seq, messages, bytes } = info.state;
  return first_seq + Math.ceil(messages * Math.max(0, 1 - Number(to) / bytes));
}

/** Returns the sequence of the first message that a stream stored at a time or later. */
async function sequenceAt({ jsm }: Reader, { config, state }: StreamInfo, atMs: number): Promise<number> {
  const position = { start_time: new Date(atMs).toISOString(), next_by_subj: ">" } as unknown as MsgRequest;
  return (await jsm.streams.getMessage(config.name, position))?.seq ?? state.last_seq + 1;
}

/** Returns how many waiting events come before a sequence; 0 where the server does not count them. */
async function countBefore({ nc }: Reader, { stream, filters, from }: WaitingEvents, before: number): Promise<number> {
  if (before <= from) return 0;
  let count = 0;
  for (const subject of filters) {
    const all = await countMessages(nc, { stream, subject, from }).catch(() => 0);
    count += all - (all === 0 ? 0 : await countMessages(nc, { stream, subject, from: before }));
  }
  return count;
}
