import type { JsonSchema } from "./json_schema.ts";

/** Result of a stored event. */
export const PUBLISHED: JsonSchema = {
  title: "Published",
  type: "object",
  properties: {
    id: { type: "string" },
    type: { type: "string" },
    stream: { type: "string", description: "Stream of JetStream that stores the event." },
    sequence: { type: "integer", description: "Position in that stream." },
    duplicate: { type: "boolean", description: "True if the id was stored before: no second event is." },
  },
  required: ["id", "type", "stream", "sequence", "duplicate"],
};

/** Response to a request that has waited for the reply to its event. */
export const REPLIED: JsonSchema = {
  description: "The event is stored, and the event that replies to it has arrived.",
  content: {
    "application/json": {
      schema: {
        allOf: [{ $ref: "#/components/schemas/Published" }, {
          type: "object",
          properties: { reply: { type: "object", description: "The event that replies, with its `type` and `data`." } },
          required: ["reply"],
        }],
      },
    },
  },
};

/** Body of a refusal (RFC 9457). */
export const PROBLEM: JsonSchema = {
  title: "Problem",
  type: "object",
  properties: {
    type: { type: "string", format: "uri-reference", description: "Page that says what the problem means." },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string", description: "What is wrong with this request, and what to do." },
    errors: {
      type: "array",
      description: "With 400, the first faults of the data.",
      items: {
        type: "object",
        properties: { path: { type: "string" }, message: { type: "string" } },
        required: ["path", "message"],
      },
    },
    results: {
      type: "array",
      description: "Of a request with many events, the result or the problem of each.",
      items: { anyOf: [{ $ref: "#/components/schemas/Published" }, { $ref: "#/components/schemas/Problem" }] },
    },
  },
  required: ["type", "title", "status", "detail"],
};

/** Statuses of the refusals of the ingress, as `http/README.md` lists them. */
const REFUSALS: Readonly<Record<string, string>> = {
  "400": "The request is malformed, or the data does not match the schema.",
  "401": "The API key is missing or unknown.",
  "403": "The key may not publish this type, or the id or source is not the caller's.",
  "404": "No such event can be published.",
  "408": "The body did not arrive in time.",
  "413": "The body is too large, or has too many events.",
  "415": "The content type, charset or encoding is not supported.",
  "422": "The id was used for another body, or for an event of another type.",
  "429": "Too many requests are pending.",
  "500": "A fault of the service.",
  "503": "The event was not stored, or may not be. Send it again with the same id.",
};
const WITH_RETRY_AFTER = new Set(["429", "503"]);

/** Returns the responses of the ingress that refuse a request, by their status. */
export function refusals(): Readonly<Record<string, JsonSchema>> {
  const content = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  const headers = { "Retry-After": { description: "Seconds to wait.", schema: { type: "integer" } } };
  return Object.fromEntries(
    Object.entries(REFUSALS).map(([status, description]) => [
      status,
      { description, ...(WITH_RETRY_AFTER.has(status) && { headers }), content },
    ]),
  );
}
