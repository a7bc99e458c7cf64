import assert from "node:assert/strict";
import { EVENT_TYPES_FILE, eventTypes } from "../../runtime/project/event_types.ts";
import { listModules } from "../../runtime/project/list_files.ts";

const ROOT = new URL("../../", import.meta.url);

Deno.test("the committed list of the schemas' files is what `deno task types` writes", async () => {
  const written = await Deno.readTextFile(new URL(EVENT_TYPES_FILE, ROOT));
  const wanted = eventTypes(await listModules(new URL("schemas/", ROOT)));
  assert.equal(written, wanted, `${EVENT_TYPES_FILE} is not what schemas/ makes of it: run \`deno task types\``);
});
