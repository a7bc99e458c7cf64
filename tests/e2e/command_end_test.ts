import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { startCommands } from "../support/commands.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir, WEIR_OPTIONS } from "../support/weir_process.ts";

const SCHEMA = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }), ingress: {} });
`;
const fn = (before: string) => `
import { defineFunction } from "weir";
import { Asked } from "../schemas/demo.ts";
${before}
export default defineFunction({ on: Asked }, () => {});
`;
const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
/** Handles that keep a process alive, as a file of functions/ may open them. */
const OPEN = `
setInterval(() => {}, 1_000);
Deno.serve({ port: 0, onListen() {} }, () => new Response());
Deno.addSignalListener("SIGINT", () => {});
`;
const EVENT = ["publish", "demo.asked", '{"n":1}'];

async function setup(files: Record<string, string>) {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await startServer());
  const project = stack.use(await copyProjectWith({ "schemas/demo.ts": SCHEMA, ...files }));
  const weir = async (...args: string[]) => {
    await using program = startWeir(project.path, args, { NATS_URL: server.url, NO_COLOR: "1", HOST: "127.0.0.1" });
    const { code } = await program.status;
    return { code, text: program.lines.join("\n") };
  };
  return { server, path: project.path, weir, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Errors that a module throws outside any function while it is loaded. */
const STRAYS: Readonly<Record<string, string>> = {
  "a rejection": "void Promise.reject(new Error('db is down'));",
  "a request": "const rates = fetch('http://127.0.0.1:2/');",
  "a timer": "setTimeout(() => { throw new Error('db is down') }, 0);",
  "a socket": "import { connect } from 'node:net'; connect({ port: 2, host: '127.0.0.1' });",
};

Deno.test("commands do their work and warn of an error that a module throws outside any function", async (t) => {
  for (const [what, code] of Object.entries(STRAYS)) {
    // Awaits so that the error comes while the project is loaded.
    await using project = await setup({
      "functions/loads.ts": fn(`${code}\nawait new Promise((go) => setTimeout(go, 200));`),
    });
    for (const [expected, command] of [[2, "plan"], [0, "apply"]] as const) {
      await t.step(`${command}, of ${what}`, async () => {
        const { code, text } = await project.weir(command);
        assert.equal(code, expected, text);
        assert.match(
          text,
          /^warning: a module of the project threw .*: (Type)?Error: (db is down|fetch failed|connect )/m,
        );
        assert.doesNotMatch(text, /Uncaught/);
      });
    }
  }
});

Deno.test("commands end when they are done, whatever a function keeps open", async (t) => {
  await using project = await setup({ "functions/opens.ts": fn(OPEN) });
  for (
    const [code, ...args] of [
      [2, "plan"],
      [0, "apply"],
      [0, "plan"],
      [0, "functions"],
      [0, ...EVENT],
      [0, ...EVENT, "--dry-run"],
      [0, "doctor"],
      [0, "dead-letters", "list"],
      [0, "types"],
    ] as [number, ...string[]][]
  ) {
    await t.step(args.join(" "), async () => {
      const { code: ended, text } = await project.weir(...args);
      assert.equal(ended, code, text);
    });
  }
});

Deno.test("publish ends at the first Ctrl-C while it waits for its data, whatever a schema listens to", async () => {
  await using project = await copyProjectWith({ "schemas/demo.ts": SCHEMA + OPEN + 'console.log("loaded");\n' });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...WEIR_OPTIONS, "weir/cli", "publish", "demo.asked", "-"],
    cwd: project.path,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await output.read()).value, "loaded\n");
  child.kill("SIGINT");
  const { code } = await child.status;
  await output.cancel();
  await child.stdin.close().catch(() => {}); // the pipe is broken
  assert.equal(code, 130);
});

Deno.test("commands that need no function work while one cannot be loaded", async (t) => {
  await using project = await setup({
    "functions/needy.ts": fn('if (!Deno.env.get("NEEDED")) throw new Error("NEEDED");'),
  });
  await using weir = await startCommands(project.path, project.server.url);
  await using _runtime = await startTestRuntime({
    functions: { needy: defineFunction({ on: Asked }, () => {}) },
    server: project.server,
  });
  const commands = [EVENT, ["publish", "demo.asked", "--sample", "2"], ["dead-letters", "list", "--function", "needy"]];
  for (
    const args of [...commands, ["retries", "list"], ["types"], ["events", "record", "demo.asked", "--redact", "n"]]
  ) {
    await t.step(args.join(" "), async () => {
      const { code, text } = await weir(...args);
      assert.equal(code, 0, text);
      assert.doesNotMatch(text, /NEEDED/);
    });
  }
});

Deno.test("dead-letters and retries refuse a misspelt name, which matches nothing either", async (t) => {
  await using project = await setup({ "functions/sendMail.ts": fn("") });
  await using weir = await startCommands(project.path, project.server.url);
  assert.equal((await weir("apply")).code, 0);
  for (
    const [args, said] of [
      [["dead-letters", "list", "--function", "sendMial"], /no function "sendMial": did you mean "sendMail"\?/],
      [["dead-letters", "redrive", "--function", "sendMial"], /no function "sendMial"/],
      [["dead-letters", "discard", "--function", "sendMial"], /no function "sendMial"/],
      [["dead-letters", "redrive", "--function", "sendMial", "--dry-run"], /no function "sendMial"/],
      [["retries", "list", "--function", "sendMial", "--json"], /no function "sendMial"/],
      [
        ["dead-letters", "list", "--type", "demos.asked"],
        /no event has the type "demos\.asked": did you mean "demo\.asked"/,
      ],
    ] as [string[], RegExp][]
  ) {
    await t.step(args.join(" "), async () => {
      const { code, text } = await weir(...args);
      assert.equal(code, 1, text);
      assert.match(text, said);
    });
  }
  const { code, text } = await weir("dead-letters", "list", "--function", "sendMail", "--type", "demo.asked");
  assert.deepEqual([code, text], [0, "no dead letters"]);
});

Deno.test("redrive keeps a dead letter whose function is gone, although its consumer is still there", async (t) => {
  await using project = await setup({ "functions/other.ts": fn(""), "functions/_old.ts": fn("") });
  const { server, weir } = project;
  const gone = defineFunction({ on: Asked }, () => {
    throw new NonRetryableError("no");
  });
  {
    await using runtime = await startTestRuntime({ functions: { gone }, server });
    await runtime.publish(Asked, { n: 1 });
    await runtime.waitForDeadLetter("gone");
  }
  await t.step("by the command", async () => {
    const { code, text } = await weir("dead-letters", "redrive", "1");
    assert.match(text, /1 no-function/);
    assert.match((await weir("dead-letters", "list")).text, /gone/);
    assert.equal(code, 1);
  });
  await t.step("by the admin listener of a runtime without it", async () => {
    const other = defineFunction({ on: Asked }, () => {});
    await using runtime = await startTestRuntime({ functions: { other }, server });
    const response = await fetch(`${runtime.adminUrl}/dead-letters/redrive?function=gone`, { method: "POST" });
    assert.equal((await response.json())["no-function"], 1);
  });
  await t.step("by the command beside a process that runs it, it is redriven", async () => {
    const handled = Promise.withResolvers<void>();
    await using _runtime = await startTestRuntime({
      functions: { gone: defineFunction({ on: Asked }, () => handled.resolve()) },
      server,
    });
    const { code, text } = await weir("dead-letters", "redrive", "1");
    assert.deepEqual([code, text], [0, "1 redriven"]);
    await handled.promise;
  });
});
