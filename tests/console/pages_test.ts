import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "../support/temporary.ts";
import { CHECK_OPTION } from "../support/type_check.ts";

const PAGES = fileURLToPath(new URL("../../runtime/console/pages/", import.meta.url));
/** Imports a script of the pages. The name is computed: an import that the type check follows brings the types of a browser. */
const page = (name: string) => import(`file://${PAGES}${name}.js`);
const { curlOf } = await page("curl"), { prettyTokens } = await page("json_view");
const { editedText, exactJson } = await page("dead_letter_edit");
const { ago, bytes, count, duration, rate } = await page("format");
const { controlOf, emptyOf } = await page("schema_form");
const { depthsOf, lineOf } = await page("trace_line");

const { imports } = JSON.parse(await Deno.readTextFile(new URL("../../runtime/deno.json", import.meta.url)));
const pretty = (raw: string) => prettyTokens(raw).map(([, text]: string[]) => text).join("");

Deno.test("the scripts of the pages pass the type check, with the types of a browser", async () => {
  await using folder = await temporaryDirectory();
  const options = { checkJs: true, strict: false, lib: ["dom", "dom.iterable", "esnext"] };
  const config = { imports, nodeModulesDir: "none", lock: false, compilerOptions: options };
  await Deno.writeTextFile(`${folder.path}/deno.json`, JSON.stringify(config));
  const names = [...Deno.readDirSync(PAGES)].map(({ name }) => name).filter((name) => name.endsWith(".js"));
  for (const name of names) await Deno.copyFile(PAGES + name, `${folder.path}/${name}`);
  const command = new Deno.Command(Deno.execPath(), { args: ["check", CHECK_OPTION, ...names], cwd: folder.path });
  const { success, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
});

Deno.test("count, rate, duration, bytes and ago are short", () => {
  assert.deepEqual([0, 999.6, 9_999, 12_345, 123_456, 1_234_567, null].map(count), [
    "0",
    "1,000",
    "9,999",
    "12.3k",
    "123k",
    "1.2M",
    "–",
  ]);
  assert.deepEqual([0, 0.01, 0.25, 42.4, null].map(rate), ["0", "<0.1", "0.3", "42", "–"]);
  assert.deepEqual([0, 0.04, 12.4, 1_234, 59_999, 83_000, 7_500_000, 9e8].map(duration), [
    "0 ms",
    "0.1 ms",
    "12 ms",
    "1.2 s",
    "60 s",
    "1m 23s",
    "2h 5m",
    "10d 10h",
  ]);
  assert.deepEqual([812, 1_440, 2e6].map(bytes), ["812 B", "1.4 kB", "2.0 MB"]);
  assert.deepEqual([0, 999, 6_400, 65_000].map((ms) => ago(0, ms)), ["now", "now", "6 s ago", "1m 5s ago"]);
});

Deno.test("prettyTokens lays JSON out, and leaves numbers and texts as they were sent", () => {
  const raw = `{"big":12345678901234567890,"e":1e400,"t":"a\\"{,","list":[1,[],{}],"n":null}`;
  assert.equal(
    pretty(raw),
    `{\n  "big": 12345678901234567890,\n  "e": 1e400,\n  "t": "a\\"{,",\n  "list": [\n    1,\n    [],\n    {}\n  ],\n  "n": null\n}`,
  );
  assert.equal(pretty("[".repeat(100_000) + "]".repeat(100_000)).length < 2e7, true); // not by the depth squared
  const value = { a: [{ b: "x" }, -1.5, true], c: {} };
  assert.equal(pretty(JSON.stringify(value)), JSON.stringify(value, null, 2));
  assert.equal(pretty(`"text"`), `"text"`);
});

Deno.test("editedText is the data of any dead letter, and exactJson changes no number of it", () => {
  const raw = `{"big":12345678901234567890,"e":1e400,"list":[1,-0.10],"__proto__":{"a":null}}`;
  assert.equal(JSON.stringify(exactJson(editedText({ raw, data: JSON.parse(raw) }))), raw);
  assert.equal(editedText({ text: "{no json" }), "{no json");
  assert.equal(editedText({ base64: "/w==" }), "");
});

Deno.test("curlOf quotes what a shell would read", () => {
  const request = { url: "http://127.0.0.1:8000/", type: "orders.created", data: { note: "it's $HOME" } };
  assert.equal(
    curlOf({ ...request, needsKey: true, id: "a b" }),
    `curl -i http://127.0.0.1:8000/events/orders.created \\\n  -H 'content-type: application/json' \\\n` +
      `  -H "authorization: Bearer $WEIR_KEY" \\\n  -H 'idempotency-key: a b' \\\n  -d '{"note":"it'\\''s $HOME"}'`,
  );
  assert.match(
    curlOf({ ...request, path: "/orders", needsKey: false }),
    /^curl -i http:\/\/127\.0\.0\.1:8000\/orders /,
  );
});

Deno.test("controlOf and emptyOf make a form of a JSON Schema, and JSON of what has no simple form", () => {
  const text = { type: "string" },
    root = { $defs: { item: { type: "object", properties: { text }, required: ["text"] } } };
  assert.deepEqual(
    [{ enum: ["a"] }, { enum: [1] }, { anyOf: [] }, { type: "object" }, { type: "array", items: text }, {
      type: "integer",
    }]
      .map(controlOf),
    ["choice", "json", "json", "json", "array", "number"],
  );
  assert.deepEqual(emptyOf({ $ref: "#/$defs/item" }, root), { text: "" });
  assert.equal(emptyOf({ type: "integer", minimum: 3 }, root), 3);
  assert.equal(emptyOf({ type: "string", default: "x" }, root), "x");
});

Deno.test("lineOf keeps what led to an event and what it caused, and leaves other events of the trace", () => {
  const span = (id: string, sequence: number, parent?: string) => ({ id, parent, event: { stream: "S", sequence } });
  const spans = [
    span("root", 1),
    span("other", 2),
    span("mine", 3, "root"),
    span("again", 3, "root"),
    span("sibling", 4, "root"),
    span("child", 5, "mine"),
  ];
  const line = lineOf(spans, { stream: "S", sequence: 3 });
  assert.deepEqual(line.map(({ id }: { id: string }) => id), ["root", "mine", "again", "child"]);
  assert.deepEqual([...depthsOf(line).values()], [0, 1, 1, 2]);
  assert.equal(lineOf(spans, { stream: "S", sequence: 9 }).length, spans.length);
});
