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

/** Headers of each response to a key that has a limit (draft-ietf-httpapi-ratelimit-headers). */
export const RATE_LIMIT_HEADERS: JsonSchema = Object.fromEntries(
  ["RateLimit", "RateLimit-Policy"].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
);

/** The headers that {@linkcode RATE_LIMIT_HEADERS} refers to. */
export const HEADERS: JsonSchema = {
  RateLimit: {
    description: "Requests that the key has left (`r`), and seconds until it has all of them again (`t`).",
    schema: { type: "string", examples: ['"shop";r=99;t=1'] },
  },
  "RateLimit-Policy": {
    description: "Limit of the key: requests (`q`) in a number of seconds (`w`). Absent for a key without a limit.",
    schema: { type: "string", examples: ['"shop";q=100;w=1'] },
  },
};

/** Response to a request that has waited for the reply to its event. */
export const REPLIED: JsonSchema = {
  description: "The event is stored, and the event that replies to it has arrived.",
  headers: RATE_LIMIT_HEADERS,
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
  "401": "The API key, or the token, is missing or not accepted.",
  "403": "The caller may not publish this type, or the id or source is not its own.",
  "404": "No such event can be published, or followed.",
  "408": "The body did not arrive in time.",
  "413": "The body is too large, or has too many events.",
  "415": "The content type, charset or encoding is not supported.",
  "422": "The id was used for another body, or for an event of another type.",
  "429": "Too many requests are pending, or more than the key's limit.",
  "500": "A fault of the service.",
  "503": "The event was not stored, or may not be. Send it again with the same id.",
};
const WITH_RETRY_AFTER = new Set(["429", "503"]);

/** Returns the responses of the ingress that refuse a request, by their status. */
export function refusals(): Readonly<Record<string, JsonSchema>> {
  const content = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  const retryAfter = { "Retry-After": { description: "Seconds to wait.", schema: { type: "integer" } } };
  return Object.fromEntries(
    Object.entries(REFUSALS).map(([status, description]) => [
      status,
      {
        description,
        headers: { ...(WITH_RETRY_AFTER.has(status) && retryAfter), ...RATE_LIMIT_HEADERS },
        content,
      },
    ]),
  );
}

/** Returns references to {@linkcode refusals}. @param statuses Default: all. */
export function refused(...statuses: readonly string[]): JsonSchema {
  const named = statuses.length > 0 ? statuses : Object.keys(REFUSALS);
  return Object.fromEntries(named.map((status) => [status, { $ref: `#/components/responses/${status}` }]));
}
