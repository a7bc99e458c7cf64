import { type EventDefinition, parserOf } from "../authoring/define_event.ts";
import { oneOf } from "../authoring/problems.ts";
import { connectCluster } from "../cluster.ts";
import { loadProject } from "../project.ts";
import { issueText } from "../rules/decode.ts";
import { setupTracing } from "../telemetry/tracing.ts";
import { ENVIRONMENT } from "../config.ts";
import { commandConfig } from "./command_config.ts";

/** How many events are on their way at once. */
const WINDOW = 256;

/** `publish`: validates all of it first, then publishes, so that a mistake on the last line publishes nothing. */
export async function publish(type: string, source: string, options: { id?: string; json?: boolean }): Promise<void> {
  const config = commandConfig();
  const { events } = await loadProject();
  const event = events.get(type);
  if (!event) throw new Error(`no event has the type ${JSON.stringify(type)}; there are: ${oneOf(events.keys())}`);
  const items = parse(await read(source), source, event);
  if (options.id !== undefined && items.length > 1) throw new Error("--id is for one event, and there are more");
  const tracing = await setupTracing(ENVIRONMENT.get, config.OTEL_SERVICE_NAME);
  const cluster = await connectCluster(config);
  try {
    for (let at = 0; at < items.length; at += WINDOW) {
      const window = items.slice(at, at + WINDOW).map(async (data) => {
        const id = options.id ?? crypto.randomUUID();
        const time = new Date().toISOString();
        const stored = await cluster.publisher.publish({ id, type, source: "/cli", time, json: JSON.stringify(data) });
        return { id, type, ...stored };
      });
      for (const result of await Promise.all(window)) {
        if (options.json) console.log(JSON.stringify(result));
        else if (items.length === 1) {
          const how = result.duplicate ? "not stored again: there is already" : "stored";
          console.log(`${how} ${type} ${result.id} in ${result.stream} at ${result.sequence}`);
        }
      }
    }
    if (!options.json && items.length > 1) console.log(`stored ${items.length} events of type ${type}`);
  } finally {
    await cluster.close();
    await tracing.shutdown();
  }
}

async function read(source: string): Promise<string> {
  if (source === "-") return await new Response(Deno.stdin.readable).text();
  if (!source.startsWith("@")) return source;
  try {
    return await Deno.readTextFile(source.slice(1));
  } catch (error) {
    throw new Error(`cannot read ${source.slice(1)}: ${(error as Error).message}`, { cause: error });
  }
}

/** One JSON text, or one a line. */
function parse(text: string, source: string, event: EventDefinition): unknown[] {
  const whole = tryJson(text);
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const items = whole ? [whole.value] : lines.map((line, i) => {
    const parsed = tryJson(line);
    if (!parsed) throw new Error(`${where(source, lines, i)} is not JSON: ${line.slice(0, 80)}`);
    return parsed.value;
  });
  if (items.length === 0) throw new Error(`${where(source, lines, 0)} is empty: give one event as JSON, or one a line`);
  items.forEach((data, i) => {
    const result = parserOf(event)(data);
    if (!result.ok) {
      throw new Error(`${where(source, items, i)} does not match ${event.type}: ${issueText(result.issues)}`);
    }
  });
  return items;
}

function tryJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function where(source: string, all: unknown[], index: number): string {
  const name = source === "-" ? "standard input" : source.startsWith("@") ? source.slice(1) : "the data";
  return all.length > 1 ? `${name}, line ${index + 1},` : name;
}
