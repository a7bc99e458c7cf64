import type { JsonSchema } from "./json_schema.ts";
import { RATE_LIMIT_HEADERS, refused } from "./openapi_responses.ts";

const STEP = "`stored`, an `attempt` for each outcome of a function, and `done` or, at the end of the time, `pending`";

/** Returns the operation by which the publisher of an event follows it. */
export function followEvent(): JsonSchema {
  const query = (name: string, description: string, schema: JsonSchema) => ({ name, in: "query", description, schema });
  return {
    operationId: "followEvent",
    summary: "Follow an event",
    description: "Tells what becomes of an event that the caller has published, as server-sent events, until each " +
      "function is done with it. JetStream remembers an id for two minutes; later, give stream and sequence.",
    tags: ["events"],
    parameters: [
      { name: "id", in: "path", required: true, description: "Id of the event.", schema: { type: "string" } },
      query("stream", "Stream in the result of the event, with `sequence`.", { type: "string" }),
      query("sequence", "Position in that stream.", { type: "integer", minimum: 1 }),
      query("source", "Source of the event, if the caller has given one.", { type: "string" }),
      {
        name: "Prefer",
        in: "header",
        description: "`wait=60` follows the event for a minute at the most. Default: five minutes.",
        schema: { type: "string", examples: ["wait=60"] },
      },
    ],
    responses: {
      "200": {
        description: `The events are ${STEP}. The data of each is JSON.`,
        headers: RATE_LIMIT_HEADERS,
        content: { "text/event-stream": { schema: { type: "string" } } },
      },
      "204": { description: "`Last-Event-ID` says that the caller has had the last event." },
      ...refused("400", "401", "404", "429", "500", "503"),
    },
  };
}
