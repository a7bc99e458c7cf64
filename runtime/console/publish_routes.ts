import type { EventDefinition } from "../api/define_event.ts";
import { jsonSchemaOf } from "../catalog/json_schema.ts";
import { isOpen } from "../catalog/catalog.ts";
import { publishAsync } from "../engine/publisher.ts";
import { ANY_CALLER } from "../http/caller.ts";
import { prepareEvent } from "../http/prepare_event.ts";
import { malformed, Problem } from "../http/problem.ts";
import { type Route, route } from "../http/router.ts";
import { unknownType } from "../project/unknown_name.ts";
import type { ConsoleOptions } from "./options.ts";
import { bodyOf, textOf } from "./request_json.ts";

/** Source of the events that are published here. */
const SOURCE = "/console";
/** Greatest seed of a sample. */
const MAX_SEED = 999_999_999;

type Options = Pick<ConsoleOptions, "registry" | "publisher" | "dev" | "needsKey" | "publicUrl" | "sample">;

/** Returns the routes of the catalog, and the one that publishes an event. */
export function publishRoutes(options: Options): Route[] {
  const { registry: { events }, publisher, needsKey, publicUrl } = options;
  const find = (type: string): EventDefinition => {
    const event = events.get(type);
    if (!event) throw new Problem("unknown-type", unknownType(type, events.keys()));
    return event;
  };
  return [
    route("GET", "/console/api/catalog", () => {
      const listed = [...events.values()].map((event) => describe(options, event));
      return Response.json({ events: listed, publicUrl: publicUrl(), needsKey });
    }),
    route("GET", "/console/api/catalog/:type", async ({ url }, { type }) => {
      const event = find(type), seed = seedOf(new URL(url).searchParams.get("seed") ?? "1");
      const schema = jsonSchemaOf(event), sample = await sampleOf(options, event, seed);
      return Response.json({ ...describe(options, event), schema, ...sample });
    }),
    route("POST", "/console/api/publish", async (request) => {
      const { type, id, ...rest } = await bodyOf(request, ["type", "data", "id"]),
        given = textOf("id", id) || undefined;
      const event = find(textOf("type", type) ?? "");
      if (!isPublishable(options, event)) {
        throw new Problem(
          "forbidden",
          `${event.type} cannot be published from outside: it is internal, or of a webhook`,
        );
      }
      const incoming = { type: event.type, data: rest.data, id: given, source: SOURCE, extensions: {} };
      const outgoing = prepareEvent(event, ANY_CALLER, incoming);
      const result = await publishAsync(publisher, outgoing);
      return Response.json({ id: outgoing.id, type: outgoing.type, ...result }, { status: 202 });
    }),
  ];
}

function describe(options: Options, event: EventDefinition) {
  const { type, version, ingress } = event, { description } = jsonSchemaOf(event);
  return {
    type,
    version,
    ...(typeof description === "string" && { description }),
    ingress: ingress !== undefined,
    routes: ingress ? [`/events/${type}`, ...(ingress.route ? [ingress.route] : [])] : [],
    publishable: isPublishable(options, event),
  };
}

/** Returns whether the console publishes an event: in `dev` internal ones too, as `deno task publish` does. */
function isPublishable({ dev }: Options, event: EventDefinition): boolean {
  return isOpen(event) || dev && event.ingress === undefined;
}

async function sampleOf({ sample }: Options, event: EventDefinition, seed: number) {
  try {
    return { sample: await sample?.(event, seed) };
  } catch (error) {
    return { sampleProblem: (error as Error).message }; // the schema checks more than it states
  }
}

function seedOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw malformed(`seed: a whole number from 0 to ${MAX_SEED}`);
}
