import assert from "node:assert/strict";
import { commandRunner } from "../support/commands.ts";
import { copyProject, copyProjectWith } from "../support/project.ts";
import { typeCheck } from "../support/type_check.ts";

/** No command needs a NATS to write documents. */
const NO_NATS = "nats://127.0.0.1:1";

async function read(path: string) {
  return JSON.parse(await Deno.readTextFile(path));
}

Deno.test("catalog writes the documents, the page and the types of the project, without a NATS", async () => {
  await using project = await copyProject();
  const run = commandRunner(project.path, NO_NATS), { path } = project;
  const { code, text } = await run("catalog");
  assert.equal(code, 0, text);
  assert.match(text, /^\d+ files written to .*\/catalog: open .*index\.html$/);
  const { info, paths } = await read(`${path}/catalog/openapi.json`);
  assert.equal(info.title, "weir-example");
  assert.ok(paths["/orders"] && paths["/events/orders.created"]);
  assert.ok((await read(`${path}/catalog/asyncapi.json`)).channels["stock.reserved"]);
  assert.ok((await read(`${path}/catalog/schemas/orders.created.json`)).properties.orderId);
  assert.match(await Deno.readTextFile(`${path}/catalog/index.html`), /reserveInventory/);
  assert.equal(await typeCheck(path, "catalog/publishers.ts"), "");
});

Deno.test("catalog --public writes only what outsiders may see, --json names the files", async () => {
  await using project = await copyProject();
  const folder = `${project.path}/out`;
  const { code, text } = await commandRunner(project.path, NO_NATS)(
    ...["catalog", "out", "--public", "--server", "https://events.example.com", "--json"],
  );
  assert.equal(code, 0, text);
  const { files } = JSON.parse(text);
  assert.deepEqual(files.filter((file: string) => file.startsWith("schemas/")), ["schemas/orders.created.json"]);
  for (const file of files) {
    assert.doesNotMatch(await Deno.readTextFile(`${folder}/${file}`), /reserveInventory|stock\./);
  }
  assert.equal((await read(`${folder}/openapi.json`)).servers[0].url, "https://events.example.com");
});

Deno.test("catalog ends with one clear line if there is nothing to write, or nowhere", async () => {
  await using empty = await copyProjectWith({});
  assert.deepEqual(await commandRunner(empty.path, NO_NATS)("catalog"), {
    code: 1,
    text: "weir: schemas/ declares no event: write one with defineEvent",
  });
  await using project = await copyProject();
  await Deno.writeTextFile(`${project.path}/file`, "");
  const { code, text } = await commandRunner(project.path, NO_NATS)("catalog", "file");
  assert.equal(code, 1);
  assert.match(text, /^weir: .*\/file\/index\.html cannot be written: .*$/);
});
