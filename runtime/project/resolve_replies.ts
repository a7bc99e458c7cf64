import type { EventDefinition, ReplyOptions } from "../api/define_event.ts";
import { unknownOption } from "./option_schemas.ts";
import { shapeOf } from "./resolve_configs.ts";

const OPTIONS = ["events", "by"];

/** Returns what is wrong with the replies of events, one line each. */
export function replyProblems(
  events: ReadonlyMap<string, EventDefinition>,
  files: ReadonlyMap<string, string>,
): string[] {
  return [...events.values()].flatMap((event) => {
    const reply = event.ingress?.reply;
    if (reply === undefined) return [];
    const where = `${files.get(event.type)}: event ${JSON.stringify(event.type)}: ingress.reply`;
    return problemsOf(event, reply, events).map((problem) => `${where} ${problem}`);
  });
}

function problemsOf(
  event: EventDefinition,
  reply: ReplyOptions,
  known: ReadonlyMap<string, EventDefinition>,
): string[] {
  const { events, by } = reply;
  if (!Array.isArray(events) || events.length === 0 || typeof by !== "string") {
    return [
      'needs the events that reply, and the field that they share: `{ events: [OrderConfirmed], by: "orderId" }`',
    ];
  }
  const problems = Object.keys(reply).filter((key) => !OPTIONS.includes(key))
    .map((key) => `has an ${unknownOption(key, "", OPTIONS)}`);
  for (const one of events as readonly EventDefinition[]) {
    if (known.get(one?.type) !== one) problems.push(`names an event that no file in schemas/ exports: ${one?.type}`);
  }
  for (const { type, data } of [event, ...events as readonly EventDefinition[]]) {
    const shape = shapeOf(data);
    if (shape && !(by in shape)) problems.push(`is found by ${by}, which the data of ${type} does not have`);
  }
  return problems;
}

/** Returns the fields by which replies are found, by the type of the reply. */
export function replyFields(events: ReadonlyMap<string, EventDefinition>): ReadonlyMap<string, ReadonlySet<string>> {
  const fields = new Map<string, Set<string>>();
  for (const { ingress } of events.values()) {
    const { events: replies = [], by = "" } = ingress?.reply ?? {};
    for (const { type } of replies) fields.getOrInsertComputed(type, () => new Set()).add(by);
  }
  return fields;
}
