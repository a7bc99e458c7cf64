import { headers, type MsgHdrs } from "@nats-io/transport-node";

/** How an event must end. Its number decides, so that the account can check it. */
export type Kind = "plain" | "fails-once" | "rejected" | "invalid";

/** A message as it is published. */
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

/** Returns the message of the event `n`. Its id contains `n`, since an invalid payload cannot be parsed. */
export function askedMessage(n: number): Message {
  const kind = kindOf(n);
  const payload = kind === "invalid" ? invalidPayload(n) : JSON.stringify({ n, kind });
  return eventMessage("chaos.asked", `asked-${n}`, payload);
}

/** Returns a CloudEvent in binary mode. */
export function eventMessage(type: string, id: string, payload: string): Message {
  const hdrs = headers();
  hdrs.set("ce-specversion", "1.0");
  hdrs.set("ce-id", id);
  hdrs.set("ce-type", type);
  hdrs.set("ce-source", "/chaos");
  hdrs.set("content-type", "application/json");
  return { subject: type, payload, id, headers: hdrs };
}

/** Returns the `n` of an id of {@linkcode askedMessage}. */
export function numberOf(id: string): number {
  const match = /-(\d+)$/.exec(id);
  if (!match) throw new Error(`"${id}" is not the id of a published event`);
  return Number(match[1]);
}

/** Returns text that is not JSON, or JSON that the schema refuses, in turn. */
function invalidPayload(n: number): string {
  return n % 200 === 19 ? `{"n":${n},` : JSON.stringify({ n: String(n) });
}
