import assert from "node:assert/strict";
import { START_OPTIONS, TASKS } from "../../runtime/cli/init/deno_json.ts";
import { DENO } from "../../runtime/cli/terminal/next_commands.ts";
import { copyProject } from "../support/project.ts";
import { CHECK_OPTION } from "../support/type_check.ts";

/** Returns a function that runs Deno in a folder and captures its output. */
function denoIn(path: string) {
  return async (...args: string[]) => {
    const command = new Deno.Command(Deno.execPath(), { args, cwd: path, env: { NO_COLOR: "1" }, stdin: "null" });
    const { code, stdout, stderr } = await command.output();
    return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
  };
}

async function contents(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isSymlink) continue;
    if (isDirectory) Object.assign(found, await contents(path));
    else found[path] = await Deno.readTextFile(path);
  }
  return found;
}

/** The command of the task `new`, with the path of Deno that a shell would ask for, and the options of other tests. */
const [RUN, ...REST] = TASKS.new[1].replace(/"--allow-run=[^"]*"/, `--allow-run=${Deno.execPath()}`).split(" ").slice(
  1,
);
const COMMAND = [RUN, ...START_OPTIONS, ...REST];

const LONG = "a".repeat(60);
const NEW: [what: string, args: string[], files: string[]][] = [
  ["a declared event", ["auditOrders", "--on", "orders.created"], []],
  ["a new event", ["welcomeUser", "--on", "users.signed-up"], ["created schemas/users.ts: UserSignedUp"]],
  [
    "a new event in an existing file",
    ["shipOrder", "--on", "orders.confirmed", "--emits", "orders.shipped"],
    ["changed schemas/orders.ts: OrderShipped"],
  ],
  [
    "declared and new events",
    ["returnOrder", "--on", "orders.returned", "--emits", "stock.reserved,payments.refunded", "--emits", "mail.sent"],
    [
      "changed schemas/orders.ts: OrderReturned",
      "changed schemas/payments.ts: PaymentRefunded",
      "created schemas/mail.ts: MailSent",
    ],
  ],
  ["two events of the same shape", ["restoreOrder", "--on", "stock.reserved", "--emits", "orders.created"], []],
  ["a pattern", ["import-legacy", "--on", "legacy.>", "--emits", "orders.created"], []],
  ["a pattern of known events", ["countOrders", "--on", "orders.*"], []],
  ["a reserved word as a name", ["delete", "--on", "orders.created", "--emits", "orders.rejected"], []],
  ["a name that the test imports", ["invoke", "--on", "orders.created"], []],
  [
    "long names",
    [`${LONG}_fn`, "--on", `${LONG}.created`, "--emits", ["b", "c", "d"].map((one) => `${LONG}.${one}`).join(",")],
    [`created schemas/${LONG}.ts: A${LONG.slice(1)}Created, A${LONG.slice(1)}B, A${LONG.slice(1)}C, A${
      LONG.slice(1)
    }D`],
  ],
  ["a name that two files export", ["mergeOdd", "--on", "odd.first", "--emits", "odd.second,odd.third,odd.fourth"], [
    "changed schemas/odd.ts: OddFourth",
  ]],
];
const ODD = `// Odd ones.
import { type EventDefinition, defineEvent as define } from "weir";
import * as zod from "zod";

const data = zod.object({ when: zod.iso.datetime().transform((text) => new Date(text)), how: zod.enum(["it's", "so"]) });
export default define({ type: "odd.first", version: 1, data });
export const Same: EventDefinition = define({ type: "odd.second", version: 1, data });
`;
const ODD_TWIN = `import { defineEvent } from "weir";
import { z } from "zod";

/** Long enough for more than a line. */
const data = z.object({ one: z.string(), two: z.array(z.object({ three: z.string(), four: z.email() })).length(4) });
export const Same = defineEvent({ type: "odd.third", version: 1, data });
`;

Deno.test("new writes files that pass their tests, the type check, the linter and the formatter", async (t) => {
  await using project = await copyProject();
  const deno = denoIn(project.path);
  await Deno.writeTextFile(`${project.path}/schemas/odd.ts`, ODD);
  await Deno.writeTextFile(`${project.path}/schemas/odd_twin.ts`, ODD_TWIN);
  await deno("fmt", "--quiet", "schemas");
  for (const [what, args, schemas] of NEW) {
    await t.step(`a function with ${what}`, async () => {
      // The task starts two processes more: one row runs it as a user does, and the others run its command.
      const command = what === NEW[0][0] ? ["task", "--quiet", "new"] : COMMAND;
      const { code, out, err } = await deno(...command, ...args);
      assert.equal(code, 0, err);
      // The first one also lists the files that this test has written.
      const isListed = what === NEW[0][0] || schemas.some((line) => line.startsWith("created"));
      const written = [
        ...schemas,
        `created functions/${args[0]}.ts`,
        `created tests/functions/${args[0]}_test.ts`,
        ...(isListed ? ["changed schemas/_types.d.ts"] : []),
      ];
      assert.deepEqual(out.split("\n\nnext\n")[0].split("\n"), written);
      assert.match(out, new RegExp(`\n  ${DENO} test -A tests/functions/${args[0]}_test\\.ts\n`));
    });
  }
  const all = ["functions", "schemas", "tests/functions"];
  await t.step("the new tests pass", async () => {
    // One module loads Weir once. The next step checks types.
    const modules = NEW.map(([, [name]]) => `import "./functions/${name}_test.ts";\n`);
    await Deno.writeTextFile(`${project.path}/tests/all_test.ts`, modules.join(""));
    const { code, out, err } = await deno("test", "-A", "--no-check", "tests/all_test.ts");
    assert.equal(code, 0, out + err);
    assert.match(out, new RegExp(`${NEW.length} passed`));
  });
  const checks = [["check", CHECK_OPTION, "--quiet"], ["fmt", "--check"], ["lint", "--quiet"]];
  for (const args of checks.map((args) => [...args, ...all])) {
    await t.step(`deno ${args[0]} finds no problem`, async () => {
      const { code, out, err } = await deno(...args);
      assert.equal(code, 0, out + err);
    });
  }
  await t.step("the project loads with all new functions", async () => {
    const loader = import.meta.resolve("../../runtime/project/load_project.ts");
    const code = `await (await import('${loader}')).loadProject().then((r) => console.log(r.functions.length))`;
    const { out, err } = await deno("eval", code);
    assert.equal(out.trim(), String(4 + NEW.length), err);
  });
  await t.step("--json lists commands to run next, with data for the event", async () => {
    const { out } = await deno("task", "--quiet", "new", "another", "--on", "orders.created", "--json");
    const { files, next } = JSON.parse(out);
    assert.deepEqual(files, [
      { path: "functions/another.ts", what: "created" },
      { path: "tests/functions/another_test.ts", what: "created" },
    ]);
    assert.equal(next.length, 3);
    assert.ok(next[1].startsWith(`${DENO} task publish orders.created --sample 1`), next[1]);
    assert.match(next[2], /^curl -i http:\/\/127\.0\.0\.1:8000\/orders -H .* -d '\{"orderId":"orderId-/);
  });
  await t.step("the new test fails when its function does something else", async () => {
    const file = `${project.path}/functions/shipOrder.ts`;
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, text.replace(/ {2}ctx\.emit.*\n/, ""));
    assert.equal((await deno("test", "-A", "--no-check", "tests/functions/shipOrder_test.ts")).code, 1);
  });
});

Deno.test("new writes nothing if there is a problem, and names it", async (t) => {
  await using project = await copyProject();
  const deno = denoIn(project.path);
  const refused = async (args: string[], code: number, message: RegExp) => {
    const before = await contents(project.path);
    const result = await deno("task", "--quiet", "new", ...args);
    assert.match(result.err, message);
    assert.equal(result.code, code);
    assert.deepEqual(await contents(project.path), before);
  };
  await t.step("the function exists", () =>
    refused(
      ["reserveInventory", "--on", "users.created"],
      1,
      /^weir: nothing was written: functions\/reserveInventory\.ts exists already and is not overwritten/,
    ));
  await t.step("no --on", () => refused(["a"], 64, /required option '--on <type>' not specified/));
  await t.step("a file cannot be written: the others are removed", async () => {
    await Deno.symlink("nowhere", `${project.path}/tests/functions`);
    await refused(
      ["mailOrder", "--on", "mails.sent"],
      1,
      /^weir: nothing was written: tests\/functions\/mailOrder_test\.ts/,
    );
    await Deno.remove(`${project.path}/tests/functions`);
  });
  await t.step("a schema does not load", async () => {
    await Deno.writeTextFile(`${project.path}/schemas/broken.ts`, "export const broken = ;");
    await refused(
      ["a", "--on", "orders.created"],
      1,
      /nothing was written: the project does not load: schemas\/broken\.ts:1:23: syntax error/,
    );
  });
  await t.step("a schema is invalid", async () => {
    await Deno.writeTextFile(
      `${project.path}/schemas/broken.ts`,
      'import { defineEvent } from "weir";\nimport { z } from "zod";\n' +
        'export const One = defineEvent({ type: "one", version: 1, data: z.string() });\n',
    );
    await refused(["a", "--on", "orders.created"], 1, /schemas\/broken\.ts: event "one": a type is two or more tokens/);
  });
});
