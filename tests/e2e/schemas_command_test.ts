import assert from "node:assert/strict";
import { commandRunner } from "../support/commands.ts";
import { copyProjectWith } from "../support/project.ts";

/** Neither check nor release needs a NATS. */
const NO_NATS = "nats://127.0.0.1:1";

/** Returns the text of a schema file with one event. */
const schemaFile = (total: string, version = 1, more = "") =>
  `import { defineEvent } from "weir";
import { z } from "zod";
export const Ordered = defineEvent({
  type: "shop.ordered",
  version: ${version},
  data: z.object({ orderId: z.string(), total: ${total} }),
  ${more}
});
`;

Deno.test("schemas check follows an event through a stricter version to its release", async () => {
  await using project = await copyProjectWith({ "schemas/shop.ts": schemaFile("z.int()") });
  const run = commandRunner(project.path, NO_NATS);
  const write = (...file: Parameters<typeof schemaFile>) =>
    Deno.writeTextFile(`${project.path}/schemas/shop.ts`, schemaFile(...file));
  assert.deepEqual(await run("schemas", "check"), {
    code: 1,
    text:
      "weir: schemas/released.json is missing: write it with `deno task schemas release`, from the schemas of the last release",
  });
  const written = await run("schemas", "release");
  assert.deepEqual(written, { code: 0, text: "schemas/released.json is written: commit it" });
  assert.deepEqual(await run("schemas", "check"), {
    code: 0,
    text: "no event has changed since schemas/released.json was written",
  });

  await write("z.int().min(1)");
  const refused = await run("schemas", "check");
  assert.equal(refused.code, 1);
  assert.match(
    refused.text,
    /breaks events, publishers +shop\.ordered +data\.total: its least value was none, and is 1/,
  );
  assert.match(refused.text, /\nweir: give shop\.ordered `version: 2` and `upcasts: \{ 1: \(data\) => … \}`$/);
  assert.match(
    (await run("schemas", "release")).text,
    /^weir: nothing was written: .* refuses changes of shop\.ordered/,
  );

  await write("z.int().min(1)", 2);
  assert.match((await run("schemas", "check")).text, /\nweir: give shop\.ordered `upcasts: \{ 1: /);
  const upcasts = "upcasts: { 1: (data) => ({ ...data, total: Math.max(1, data.total) }) },";
  await write("z.int().min(1)", 2, upcasts);
  const { code, text } = await run("schemas", "check", "--json");
  assert.equal(code, 0, text);
  const { events, refused: count } = JSON.parse(text);
  assert.deepEqual([count, events[0].releasedVersion, events[0].version], [0, 1, 2]);
  assert.deepEqual(events[0].changes[0], {
    ...{ type: "shop.ordered", path: "total", what: "its least value was none, and is 1" },
    breaks: ["events", "publishers"],
  });
  assert.equal((await run("schemas", "release")).code, 0);
  assert.equal((await run("schemas", "release")).text, "schemas/released.json is up to date");
});

Deno.test("schemas release --force takes what check refuses, and check says what is wrong with a broken file", async () => {
  await using project = await copyProjectWith({ "schemas/shop.ts": schemaFile("z.int()") });
  const run = commandRunner(project.path, NO_NATS), file = `${project.path}/schemas/released.json`;
  await run("schemas", "release");
  await Deno.writeTextFile(`${project.path}/schemas/shop.ts`, schemaFile("z.string()"));
  assert.equal((await run("schemas", "release")).code, 1);
  assert.equal((await run("schemas", "release", "--force")).code, 0);
  assert.equal((await run("schemas", "check")).code, 0);
  await Deno.writeTextFile(file, '{"events":{"shop.ordered":{}}}');
  assert.match(
    (await run("schemas", "check")).text,
    /^weir: schemas\/released\.json cannot be read: its event "shop\.ordered" has no version or no schema: restore it/,
  );
});

Deno.test("schemas check refuses upcasts that do not lead to the version", async () => {
  const project = await copyProjectWith({ "schemas/shop.ts": schemaFile("z.int()", 3, "upcasts: { 1: (d) => d },") });
  await using _ = project;
  const { code, text } = await commandRunner(project.path, NO_NATS)("schemas", "check");
  assert.equal(code, 1);
  assert.match(text, /schemas\/shop\.ts: event "shop\.ordered": upcasts: version 2 is missing/);
});
