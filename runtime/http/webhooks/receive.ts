import { type EventDefinition, payloadText } from "../../api/define_event.ts";
import { type Signature, webhookSecrets } from "../../api/webhook.ts";
import { mediaType } from "../../core/cloudevent.ts";
import type { OutgoingEvent } from "../../core/event.ts";
import { PublishError } from "../../engine/publisher.ts";
import type { Reservation } from "../body_limits.ts";
import type { Caller } from "../caller.ts";
import { codingOf } from "../content_encoding.ts";
import { checkAttributes } from "../event_attributes.ts";
import { bodyType } from "../parse_events.ts";
import { prepareEvent } from "../prepare_event.ts";
import { malformed, Problem } from "../problem.ts";
import { decodeText, parseJson, readBytes } from "../request_body.ts";
import { noContent, schemeOf } from "./schemes.ts";
import { claimOf, verifySignature } from "./verify.ts";

/** An event that one webhook publishes. */
export type WebhookEvent = EventDefinition & { readonly ingress: { readonly signature: Signature } };

const FORM = "application/x-www-form-urlencoded";
const NO_EXTENSIONS = {};

/** Returns whether an event is published by a webhook alone. */
export function isWebhook(event: EventDefinition): event is WebhookEvent {
  return event.ingress?.signature !== undefined;
}

/** Returns who sends the requests of a webhook. No API key can have that name: `WEIR_API_KEYS` ends a name at a colon. */
export function webhookCaller({ type }: WebhookEvent): Caller {
  const name = `webhook:${type}`, identity = { authtype: "service_account", authid: name };
  return { name, title: `the webhook of ${type}`, room: name, identity, mayPublish: (other) => other === type };
}

/**
 * Reads a signed request.
 *
 * @param nowMs Milliseconds since 1970.
 * @returns its event, or the response to a request that publishes none
 * @throws {Problem} 401 if the signature is not right, 400 if the payload is not
 */
export async function receiveWebhook(
  event: WebhookEvent,
  { request, reservation, caller }: { request: Request; reservation: Reservation; caller: Caller },
  nowMs: () => number,
): Promise<OutgoingEvent | Response> {
  const contentType = bodyType(request), { headers } = request, { type, ingress } = event, { signature } = ingress;
  if (codingOf(request)) {
    throw new Problem("unsupported-media-type", "the body is encoded: its bytes are what is signed");
  }
  claimOf(signature, headers); // a request without a signature takes no memory
  const body = await readBytes(request, reservation);
  verifySignature(signature, webhookSecrets(event), { headers, body, nowMs: nowMs() });
  const payload = payloadOf(contentType, decodeText(body)), scheme = schemeOf(signature);
  const answer = scheme.answer?.(payload, headers);
  if (answer) return answer;
  const data = ingress.map ? mapped(event, await ingress.map(payload, { headers })) : payload;
  if (data === undefined) return noContent();
  const id = ingress.id ? checkedId(event, ingress.id(payload, { headers })) : textOf(scheme.id?.(payload, headers));
  const incoming = { type, data, id, extensions: NO_EXTENSIONS };
  return prepareEvent(event, caller, checkAttributes(incoming));
}

/**
 * Returns whether an event was refused because an event with the sender's id is stored already. Its data may differ: Stripe
 * sends `pending_webhooks` as it is at the time of each attempt. An id that the author makes is checked as any other.
 */
export function isRepeat({ ingress }: WebhookEvent, error: unknown): boolean {
  return !ingress.id && error instanceof PublishError && error.code === "id-taken";
}

/** Returns the payload of a body. A form with the single field `payload` has JSON in it, as GitHub and Slack send. */
function payloadOf(contentType: string, text: string): unknown {
  if (contentType === FORM) {
    const fields = Object.fromEntries(new URLSearchParams(text)), names = Object.keys(fields);
    return names.length === 1 && names[0] === "payload" ? parseJson(fields.payload, "the payload") : fields;
  }
  if (contentType === "" || /^application\/([\w.+-]+\+)?json$/.test(mediaType(contentType))) {
    return parseJson(text, "the body");
  }
  throw new Problem("unsupported-media-type", `the request has ${contentType}; send application/json, or ${FORM}`);
}

/** Returns what `map` made, as JSON holds it: the same data that a handler gets. */
function mapped(event: WebhookEvent, data: unknown): unknown {
  return data === undefined ? undefined : JSON.parse(payloadText(event, data, `ingress.map of ${event.type}`));
}

/** Returns what `id` returned. @throws {TypeError} for what is no text: the author is at fault, and not the sender */
function checkedId({ type }: WebhookEvent, id: unknown): string | undefined {
  if (id === undefined || typeof id === "string") return id;
  throw new TypeError(`ingress.id of ${type} returned no text: return String(…) of a number`);
}

function textOf(id: unknown): string | undefined {
  if (id === undefined || id === null) return undefined;
  if (typeof id !== "string") throw malformed("the sender's id of the event is no text");
  return id;
}
