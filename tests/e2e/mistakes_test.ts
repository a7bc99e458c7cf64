import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { freePorts } from "../support/ports.ts";
import { copyProject, copyProjectWith } from "../support/project.ts";
import { type LogLine, startWeir } from "../support/weir_process.ts";

const FUNCTION =
  'import { defineFunction } from "weir";\nexport default defineFunction({ on: "orders.created" }, () => {});';

/** Runs `start` in a project with these files and no other functions. Returns its exit code and output. */
async function startWith(files: Record<string, string>, format = "pretty"): Promise<{ code: number; lines: string[] }> {
  await using project = await copyProject();
  await Deno.remove(`${project.path}/functions`, { recursive: true });
  await Deno.mkdir(`${project.path}/functions`);
  for (const [file, text] of Object.entries(files)) {
    await Deno.mkdir(`${project.path}/${file.replace(/[^/]*$/, "")}`, { recursive: true });
    await Deno.writeTextFile(`${project.path}/${file}`, text);
  }
  const { NATS } = freePorts("NATS");
  await using program = startWeir(project.path, ["start"], {
    LOG_FORMAT: format,
    HOST: "127.0.0.1",
    NATS_URL: `nats://127.0.0.1:${NATS}`,
  });
  const { code } = await program.status;
  return { code, lines: [...program.lines] };
}

const inFunctions: [file: string, text: string, problem: string][] = [
  [
    "syntax.ts",
    'import { defineFunction } from "weir";\nexport default defineFunction({ on: "a.b", () => {});',
    ":2:44: syntax error: Unexpected token `(`. Expected identifier, string literal, numeric literal or [ for the " +
    "computed key (imported by functions/uses_syntax.ts)",
  ],
  ["uses_syntax.ts", 'import "./syntax.ts";', ""],
  [
    "no_file.ts",
    'import "../schemas/order.ts";',
    ':1:8: there is no file schemas/order.ts: did you mean "../schemas/orders.ts"?',
  ],
  [
    "no_ending.ts",
    'import "../schemas/orders";',
    ':1:8: there is no file schemas/orders: did you mean "../schemas/orders.ts"?',
  ],
  [
    "wrong_folder.ts",
    'import "./orders.ts";',
    ':1:8: there is no file functions/orders.ts: did you mean "../schemas/orders.ts"?',
  ],
  [
    "no_such_file.ts",
    'import "./absolutely_nothing_like_it.ts";',
    ":1:8: there is no file functions/absolutely_nothing_like_it.ts",
  ],
  [
    "no_export.ts",
    'import { OrderCreatd } from "../schemas/orders.ts";\nconsole.log(OrderCreatd);',
    ":1:10: schemas/orders.ts has no export OrderCreatd",
  ],
  [
    "no_weir_export.ts",
    'import { defineFunctoin } from "weir";\ndefineFunctoin();',
    ":1:10: weir has no export defineFunctoin",
  ],
  [
    "bare.ts",
    'import { chunk } from "lodash/array";\nchunk();',
    ':1:23: the package "lodash/array" is not in deno.json: add it with `deno add npm:lodash`, or import a file of ' +
    'yours as "./lodash/array.ts"',
  ],
  [
    "scoped.ts",
    'import "@acme/tools/one";',
    ':1:8: the package "@acme/tools/one" is not in deno.json: add it with ' +
    '`deno add npm:@acme/tools`, or import a file of yours as "./@acme/tools/one.ts"',
  ],
  ["wier.ts", 'import "wier";', ':1:8: the package "wier" is not in deno.json: did you mean "weir"?'],
  ["builtin.ts", 'import "node:nope";', ":1:8: an import fails: No such built-in module: node:nope"],
  [
    "json.ts",
    'import "../deno.json";',
    ':1:8: a JSON module needs its type: add `with { type: "json" }` to the import',
  ],
  [
    "throws.ts",
    "const none = undefined as any;\nexport default none.type;",
    ":2:21: it throws when it is loaded: " +
    "TypeError: Cannot read properties of undefined (reading 'type')",
  ],
  ["throws_text.ts", 'throw "some text";', ': it throws when it is loaded: "some text", which is not an Error'],
  ["throws_nothing.ts", "throw undefined;", ": it throws when it is loaded: undefined, which is not an Error"],
  [
    "forgot_weir.ts",
    "export default defineFunction({});",
    ":1:1: it throws when it is loaded: ReferenceError: defineFunction is not defined",
  ],
  [
    "circle_a.ts",
    'import { b } from "./circle_b.ts";\nexport const a = b;',
    "",
  ],
  [
    "circle_b.ts",
    'import { a } from "./circle_a.ts";\nexport const b = a;',
    "",
  ],
  [
    "named.ts",
    FUNCTION.replace("default", "const named ="),
    ': its function is the export "named": write `export default` instead',
  ],
  [
    "typo_option.ts",
    FUNCTION.replace("{ on", "{ tymeout: 5, attempts: 0, on"),
    ': unknown option tymeout: did you mean "timeout"?',
  ],
  ["Same.ts", FUNCTION, ""],
  [
    "same.ts",
    FUNCTION,
    ": its name same is that of functions/Same.ts, apart from upper and lower case: rename one of them",
  ],
  [
    "not.good.ts",
    FUNCTION,
    ': "not.good" cannot be a function\'s name: a letter, then letters, digits, _ and -, 64 at most',
  ],
];

Deno.test("start reports every mistake in functions/ at once, with its location and a fix", async () => {
  const files = Object.fromEntries(inFunctions.map(([file, text]) => [`functions/${file}`, text]));
  const { code, lines } = await startWith(files);
  assert.equal(code, 1);
  for (const [file, , problem] of inFunctions) {
    if (problem !== "") assert.ok(lines.includes(`  - functions/${file}${problem}`), `${file}:\n${lines.join("\n")}`);
  }
  const circle = lines.filter((line) => line.includes("a circular import?"));
  assert.equal(circle.length, 1);
  assert.match(
    circle[0],
    /functions\/circle_[ab]\.ts:2:18: [ab] is used before it is initialized: a circular import\? Of two/,
  );
  // Each problem once, and no other: one a file, the circle's, and a second one of typo_option.ts.
  const problems = inFunctions.filter(([, , problem]) => problem !== "").length + 2;
  assert.equal(lines.filter((line) => line.startsWith("  - ")).length, problems, lines.join("\n"));
  assert.deepEqual(lines.filter((line) => line.includes("file://")), []);
});

Deno.test("start reports schemas that do not load, and not the functions that import them", async () => {
  const { code, lines } = await startWith({
    "functions/ship.ts": 'import "../schemas/broken.ts";',
    "schemas/broken.ts": "export const = 1;",
    "schemas/circular.ts": 'import ship from "../functions/needs_schema.ts";\nimport { defineEvent } from "weir";\n' +
      'export const Sent = defineEvent({ type: "mail.sent", version: 1, data: ship as never });',
    "functions/needs_schema.ts":
      'import { defineFunction } from "weir";\nimport { Sent } from "../schemas/circular.ts";\n' +
      "export default defineFunction({ on: Sent }, () => {});",
  });
  assert.equal(code, 1);
  assert.deepEqual(lines, [
    "weir: 2 problems:",
    "  - functions/needs_schema.ts:3:37: Sent is used before it is initialized: a circular import? Of two files that import " +
    "each other, one is evaluated too early; move what both need into a third (imported by schemas/circular.ts)",
    "  - schemas/broken.ts:1:14: syntax error: Unexpected token `=`. Expected yield, an identifier, [ or {",
  ]);
});

Deno.test("start warns of files that look like a function or a schema and are not loaded, and of no others", async () => {
  const SCHEMA = 'import { defineStream } from "weir";\nexport const A = defineStream({ name: "A" });';
  const { lines } = await startWith({
    "functions/ship.ts": FUNCTION,
    "functions/mail/send.ts": FUNCTION,
    "functions/old.js": FUNCTION,
    "functions/page.tsx": FUNCTION,
    "functions/lib/helper.ts": "export const helper = 1;",
    "functions/_draft.ts": FUNCTION,
    "functions/_drafts/one.ts": FUNCTION,
    "functions/ship_test.ts": FUNCTION,
    "functions/notes.md": "export default defineFunction(",
    "schemas/more/streams.ts": SCHEMA,
  }, "json");
  const warnings = lines.flatMap((line) => {
    const { level, message } = line.startsWith("{") ? JSON.parse(line) : {};
    return level === "warn" ? [message] : [];
  });
  const why = (place: string) => `only files ${place} are. Move it, or begin its name with _ if it is a helper`;
  assert.deepEqual(warnings, [
    `functions/mail/send.ts is not a function: ${why("directly in functions/")}`,
    `functions/old.js is not a function: ${why("ending in .ts")}`,
    `functions/page.tsx is not a function: ${why("ending in .ts")}`,
    `schemas/more/streams.ts is not a schema: ${why("directly in schemas/")}`,
  ]);
});

Deno.test("loadModules names a file whose top-level await does not settle, and loads the others", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
  try {
    await Deno.mkdir(`${folder}/functions`);
    await Deno.writeTextFile(`${folder}/functions/waits.ts`, "await new Promise(() => {});");
    await Deno.writeTextFile(`${folder}/functions/fine.ts`, "export const one = await Promise.resolve(1);");
    // In a process of its own: Deno reports an unsettled top-level await as an error of the importing module.
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `
        import { loadModules } from ${
          JSON.stringify(new URL("../../runtime/project/load_modules.ts", import.meta.url).href)
        };
        const problems = [], files = ["functions/waits.ts", "functions/fine.ts"];
        const modules = await loadModules(new URL(${JSON.stringify(`file://${folder}/`)}), files, problems, 3_000);
        console.log(JSON.stringify({ loaded: modules.map(({ file, exports }) => [file, exports.one]), problems }));
        Deno.exit(0);
      `,
      ],
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.notEqual(text, "", new TextDecoder().decode(stderr));
    const { loaded, problems } = JSON.parse(text);
    assert.deepEqual(loaded, [["functions/fine.ts", 1]]);
    assert.deepEqual(problems, [
      "functions/waits.ts: it is still loading after 3s: a top-level await has not resolved. Move it into the handler " +
      "(if packages are being downloaded, run `deno install` first)",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Runs a function with this handler body until it logs a certain line after an event, and returns the line. */
async function runHandler(body: string, enough: (line: LogLine) => boolean): Promise<LogLine> {
  await using server = await startServer();
  await using project = await copyProjectWith({
    "functions/ship.ts": `import { defineFunction } from "weir";
import process from "node:process";
export default defineFunction({
  on: "legacy.>",
  retry: { attempts: 1 },
}, async (event, ctx) => { void [process, event, ctx]; ${body} });`,
  });
  await Deno.writeTextFile(
    `${project.path}/schemas/legacy.ts`,
    `import { defineEvent } from "weir";
import { z } from "zod";
export const Legacy = defineEvent({ type: "legacy.order", version: 1, data: z.unknown(), ingress: {} });`,
  );
  const ports = freePorts("PORT", "ADMIN_PORT");
  await using program = startWeir(project.path, ["start"], { ...ports, HOST: "127.0.0.1", NATS_URL: server.url });
  await program.waitForLog(({ message }) => message === "ready");
  // The handler may end the process before the response is sent.
  await fetch(`http://127.0.0.1:${ports.PORT}/events/legacy.order`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  }).then((response) => response.body?.cancel(), () => {});
  return await program.waitForLog(enough);
}

for (const exit of ["Deno.exit(3)", "process.exit(3)"]) {
  Deno.test(`start logs where ${exit} was called in a handler`, async () => {
    const line = await runHandler(`await Promise.resolve(); ${exit};`, ({ message }) => message.includes("exit"));
    assert.equal(
      line.message,
      "Deno.exit or process.exit ends the process, and with it every handler that runs: throw an Error instead",
    );
    assert.match(String(line.at), /^functions\/ship\.ts:6:\d+$/);
  });
}
