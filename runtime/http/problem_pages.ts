import { KINDS, PROBLEM_PAGES, type ProblemCode } from "./problem.ts";

/** The meaning of a problem, and what the caller does about it. */
type Text = readonly [meaning: string, remedy: string];

const TEXTS: Readonly<Record<ProblemCode, Text>> = {
  "malformed": [
    "The request cannot be read: its body is no JSON or no CloudEvent, a header or a parameter has no valid form, or " +
    "the Host header is no host name.",
    "The detail names the part. Send it in the right form; the same request will be refused again.",
  ],
  "invalid-data": [
    "The data does not match the schema of the event. Nothing was published.",
    "The member errors has the path and the message of each fault, the first 50. GET /schemas/TYPE answers the schema.",
  ],
  "unauthorized": [
    "The request has no API key, token or signature, or one that is not accepted.",
    "Send Authorization: Bearer with a key or a token that is valid. A webhook's sender and receiver need the same " +
    "secret, and clocks that agree.",
  ],
  "forbidden": [
    "The caller is known, and may not do this: publish this type, use this id or source, or, on the admin listener, " +
    "ask from the page of another origin.",
    "The detail says which. Ask the operator for a key whose pattern covers the type.",
  ],
  "not-found": ["Nothing is at this path.", "Check the path. GET /openapi.json answers the paths that there are."],
  "unknown-type": [
    "No event of this type can be published from outside.",
    "Check the spelling. An event can be published once its defineEvent has ingress.",
  ],
  "unknown-event": [
    "No event of the caller's has this id, or its progress is not public.",
    "JetStream remembers an id for the duplicate window of its stream, two minutes by default. Later, add stream and " +
    "sequence from the result of the event. Progress is public once the defineEvent has ingress: { progress: true }.",
  ],
  "method-not-allowed": ["The path does not take this method.", "Use one of the methods that Allow names."],
  "timeout": [
    "The body, or a line of NDJSON, did not arrive in time. Lines before it may have been stored.",
    "Send it faster, or in smaller parts. Use the same ids again: an id is stored once.",
  ],
  "held-back": [
    "The dead letter was not sent to its function again: it has been redriven several times already, and fails each time.",
    "Mend the cause. Then redrive it with force=true.",
  ],
  "parked": [
    "The dead letter was not sent to its function again: its event waits for an earlier one of its key.",
    "Redrive or discard the first dead letter of the key: this one returns after it by itself. With force=true it is " +
    "sent now, out of order.",
  ],
  "no-function": [
    "The dead letter cannot be sent again: no function of the project has the name that it was for.",
    "Start the function again under this name, or discard the dead letter.",
  ],
  "redrive-too-large": [
    "The dead letter cannot be sent again: with its headers it is larger than the server takes.",
    "Raise max_payload of the server, or publish the event anew in smaller parts.",
  ],
  "too-large": [
    "The body, a line of NDJSON or the number of events exceeds a limit, of the listener or of the stream.",
    "Send less at once. A large document belongs into an object store, and its address into the event.",
  ],
  "unsupported-media-type": [
    "The content type, the charset or the content encoding is not read.",
    "Send application/json, application/cloudevents+json, application/cloudevents-batch+json or application/x-ndjson, " +
    "in UTF-8, plain, or as gzip or zstd.",
  ],
  "id-taken": [
    "The id, or the Idempotency-Key, was used for an event with another type or other data. Nothing was published.",
    "Use a new id for new data, and the same id only to repeat the same request.",
  ],
  "too-many-requests": [
    "Too many requests are pending, or the key has sent more than its limit.",
    "Wait as many seconds as Retry-After says. RateLimit and RateLimit-Policy have the limit of the key.",
  ],
  "internal": [
    "A fault of the service. Whether the event was stored is not known.",
    "Send the event again with the same id. The operator finds the cause in the log.",
  ],
  "bad-gateway": [
    "The process behind the proxy of dev did not answer.",
    "Send the request again once dev has started the functions.",
  ],
  "unavailable": [
    "The event was not stored, or it is not known whether it was: JetStream does not answer or takes no more, or the " +
    "memory for bodies is used up.",
    "Send it again with the same id, after as many seconds as Retry-After says. An id is stored once.",
  ],
};

const STYLE = ":root { color-scheme: light dark; } " +
  "body { font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; padding: 0 1rem; max-width: 42rem; } " +
  "code { font-size: .875rem; }";

/** Returns the page of a problem; undefined if there is no such problem. It has no script and loads nothing. */
export function problemPage(code: string): string | undefined {
  if (!Object.hasOwn(TEXTS, code)) return undefined;
  const [status, title] = KINDS[code as ProblemCode], [meaning, remedy] = TEXTS[code as ProblemCode];
  return page(title, `<p><code>${code}</code>, status ${status}</p>\n<p>${meaning}</p>\n<p>${remedy}</p>`);
}

/** Returns the list of all problems. */
export function problemIndex(): string {
  const items = Object.entries(KINDS).map(([code, [status, title]]) =>
    `<li>${status} <a href="${PROBLEM_PAGES}/${code}">${title}</a></li>`
  );
  return page("Problems", `<ul>\n${items.join("\n")}\n</ul>`);
}

function page(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
<h1>${title}</h1>
${body}
</html>
`;
}
