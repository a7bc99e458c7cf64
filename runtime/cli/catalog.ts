import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { asyncApi, publicAsyncApi } from "../catalog/asyncapi.ts";
import { type Catalog, catalogOf, publicPart } from "../catalog/catalog.ts";
import { jsonSchemaOf } from "../catalog/json_schema.ts";
import { openApi } from "../catalog/openapi.ts";
import { catalogPage } from "../catalog/page.ts";
import { publisherTypes } from "../catalog/publishers.ts";
import { loadProject, PROJECT } from "../project/load_project.ts";
import { examples } from "./terminal/command_line.ts";
import { CommandFailure } from "./terminal/exit_codes.ts";
import { printJson } from "./terminal/output.ts";

/** Folder that the documents are written to by default, in the project. */
const FOLDER = "catalog";

interface Options {
  readonly public?: boolean;
  readonly server?: string;
  readonly json?: boolean;
}

const HELP = `

openapi.json describes the HTTP ingress, asyncapi.json the events and functions on NATS, schemas/ the data of
each event, publishers.ts the same as TypeScript types, and index.html all of it for people. A running process
answers the documents, too: GET /openapi.json, /asyncapi.json and /schemas/TYPE.`;

export function catalogCommand(): Command {
  return new Command("catalog")
    .description(
      "Write what may be published, what it looks like and who handles it: OpenAPI, AsyncAPI, a page, types.",
    )
    .argument("[dir]", `folder to write to (default: ${FOLDER}/ in the project)`)
    .option("--public", "only what outsiders may see: the events that the ingress takes, without functions")
    .option("--server <url>", "URL of the ingress, for openapi.json", serverUrl)
    .option("--json", "print JSON")
    .addHelpText("after", examples("catalog", "catalog dist/docs --public --server https://events.example.com") + HELP)
    .action(catalog);
}

async function catalog(folder: string | undefined, { public: isPublic, server, json }: Options): Promise<void> {
  const whole = catalogOf(await loadProject()), shown = isPublic ? publicPart(whole) : whole;
  if (shown.events.length === 0) {
    throw new CommandFailure(
      isPublic
        ? "no event can be published from outside: give the defineEvent of one `ingress: {}`"
        : "schemas/ declares no event: write one with defineEvent",
    );
  }
  const path = folder === undefined ? join(fileURLToPath(PROJECT), FOLDER) : absolute(folder);
  const files = Object.entries(filesOf(shown, isPublic === true, server));
  for (const [name, text] of files) await write(join(path, name), text);
  if (json) printJson({ folder: path, files: files.map(([name]) => name) });
  else console.log(`${files.length} files written to ${path}: open ${join(path, "index.html")}`);
}

/** Returns the texts of the files by their names. */
function filesOf(catalog: Catalog, isPublic: boolean, server?: string): Readonly<Record<string, string>> {
  return {
    "index.html": catalogPage(catalog),
    "openapi.json": jsonText(openApi(catalog, { needsKey: true, server })),
    "asyncapi.json": jsonText(isPublic ? publicAsyncApi(catalog) : asyncApi(catalog)),
    "publishers.ts": publisherTypes(catalog),
    ...Object.fromEntries(catalog.events.map((event) => [`schemas/${event.type}.json`, jsonText(jsonSchemaOf(event))])),
  };
}

function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2) + "\n";
}

function absolute(folder: string): string {
  return isAbsolute(folder) ? folder : join(Deno.cwd(), folder);
}

async function write(file: string, text: string): Promise<void> {
  try {
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await Deno.writeTextFile(file, text);
  } catch (error) {
    throw new CommandFailure(`${file} cannot be written: ${(error as Error).message}`);
  }
}

function serverUrl(text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? "")) return text;
  throw new InvalidArgumentError("It must be a URL such as https://events.example.com");
}
