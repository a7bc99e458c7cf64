import { headers, type MsgHdrs } from "@nats-io/transport-node";

/** What becomes of an event, by rule: so that where it ends can be checked, and not only that it ends. */
export type Kind = "plain" | "fails-once" | "rejected" | "invalid";

/** One message as the publisher stores it. */
export interface Message {
  readonly subject: string;
  readonly payload: string;
  readonly id: string;
  readonly headers: MsgHdrs;
}

export function kindOf(n: number): Kind {
  switch (n % 100) {
    case 7:
      return "fails-once";
    case 13:
      return "rejected";
    case 19:
      return "invalid";
    default:
      return "plain";
  }
}

/** The message of the event `n`. Its id says which it is, also where its payload cannot be read. */
export function askedMessage(n: number): Message {
  const kind = kindOf(n);
  const payload = kind === "invalid" ? invalidPayload(n) : JSON.stringify({ n, kind });
  return eventMessage("chaos.asked", `asked-${n}`, payload);
}

/** A CloudEvent in binary mode. */
export function eventMessage(type: string, id: string, payload: string): Message {
  const hdrs = headers();
  hdrs.set("ce-specversion", "1.0");
  hdrs.set("ce-id", id);
  hdrs.set("ce-type", type);
  hdrs.set("ce-source", "/chaos");
  hdrs.set("content-type", "application/json");
  return { subject: type, payload, id, headers: hdrs };
}

/** The `n` of an id as {@linkcode askedMessage} makes it. */
export function numberOf(id: string): number {
  const match = /-(\d+)$/.exec(id);
  if (!match) throw new Error(`"${id}" is no id of an event that was published here`);
  return Number(match[1]);
}

/** By turns no JSON at all, and JSON that the schema refuses. */
function invalidPayload(n: number): string {
  return n % 200 === 19 ? `{"n":${n},` : JSON.stringify({ n: String(n) });
}
