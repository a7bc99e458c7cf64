import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const SCHEMA = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Tick = defineEvent({ type: "ticks.made", version: 1, data: z.object({ n: z.int() }), ingress: {} });
`;
const tick = (imports: string, body: string) => `
import { defineFunction } from "weir";
import { Tick } from "../schemas/ticks.ts";
${imports}
export default defineFunction({ on: Tick, timeout: "5s" }, async ({ data }, { log }) => { ${body} });
`;

/** Starts `dev --no-check` in a project of these files and folders, with these changes of its `deno.json`. */
async function setup(
  files: Record<string, string>,
  { folders = [], args = [], config = (text) => text }: {
    folders?: readonly string[];
    args?: readonly string[];
    config?: (text: string) => string;
  } = {},
) {
  const project = await copyProjectWith({ "schemas/ticks.ts": SCHEMA });
  for (const folder of folders) await Deno.mkdir(`${project.path}/${folder}`, { recursive: true });
  const write = (file: string, code: string) => Deno.writeTextFile(`${project.path}/${file}`, code);
  for (const [file, text] of Object.entries(files)) await write(file, text);
  await write("deno.json", config(await Deno.readTextFile(`${project.path}/deno.json`)));
  const env = freePorts("PORT", "ADMIN_PORT"), url = `http://127.0.0.1:${env.PORT}`;
  const dev = startWeir(project.path, ["dev", "--no-check", ...args], { ...env, LOG_LEVEL: "info" });
  await dev.waitForLine(/^Weir is up in/);
  return {
    dev,
    project,
    write,
    url,
    post: async (n: number) => {
      const headers = { "content-type": "application/json" }, body = JSON.stringify({ n });
      const response = await fetch(`${url}/events/ticks.made`, { method: "POST", headers, body });
      return { status: response.status, text: await response.text() };
    },
    /** Does something and waits for a line after it. */
    after: async (act: () => Promise<unknown>, line: RegExp) => {
      const from = dev.lines.length;
      await act();
      return await dev.waitForLine(line, from);
    },
    [Symbol.asyncDispose]: async () => {
      await dev[Symbol.asyncDispose]();
      await project[Symbol.asyncDispose]();
    },
  };
}

Deno.test("dev follows the module graph: what a function imports from anywhere is live when it is saved", async (t) => {
  const imports = 'import { a } from "../lib/a.ts";\nimport { p } from "@test/prices";';
  await using weir = await setup({
    "functions/count.ts": tick(imports, 'log.info("tick", { a, p, n: data.n });'),
    "lib/a.ts": 'export { deep as a } from "./deep/b.ts";',
    "lib/deep/b.ts": "export const deep = 1;",
    "packages/prices/deno.json": '{ "name": "@test/prices", "version": "1.0.0", "exports": "./mod.ts" }',
    "packages/prices/mod.ts": "export const p = 1;",
  }, {
    folders: ["lib/deep", "packages/prices"],
    config: (text) => text.replace("{", '{ "workspace": ["./packages/prices"],'),
  });
  const { after, write, project } = weir;
  const live = (file: string, code: string) => async () => {
    await after(() => write(file, code), new RegExp(`${file}(, .*)?: live`)); // with a module that was written before
  };
  await t.step("a module that nothing imports is not loaded", async () => {
    for (const file of ["functions/_helper.ts", "functions/count_test.ts"]) {
      const from = weir.dev.lines.length;
      await after(() => write(file, "export {};"), /is not loaded: no function and no schema imports it/);
      assert.deepEqual(weir.dev.lines.slice(from).filter((line) => line.includes("live")), []);
    }
  });
  await t.step("a module of a module", live("lib/deep/b.ts", "export const deep = 2;"));
  await t.step("a package of the workspace", live("packages/prices/mod.ts", "export const p = 2;"));
  await t.step("the new version runs", async () => {
    await after(() => weir.post(1), /"message":"tick".*"a":2,"p":2/);
  });
  await t.step("a mistake keeps the last version, and its correction is live", async () => {
    await after(() => write("lib/deep/b.ts", "export const deep = {"), /the last working version keeps running/);
    await live("lib/deep/b.ts", "export const deep = 3;")();
  });
  await t.step("a module that is imported only now", async () => {
    await write("lib/c.ts", "export const a = 7;");
    await live("functions/count.ts", tick('import { a } from "../lib/c.ts";', 'log.info("tick", { a });'))();
    const from = weir.dev.lines.length;
    await eventually(async () => { // the module is followed soon after the version that imports it is live
      await write("lib/c.ts", `export const a = ${Math.random()};`);
      return weir.dev.lines.slice(from).some((line) => line.includes("lib/c.ts: live"));
    }, { every: 1_000 });
  });
  await t.step("a folder that is replaced, as by a change of branch", async () => {
    await after(() => Deno.rename(`${project.path}/lib`, `${project.path}/elsewhere`), /keeps running/);
    await after(() => Deno.rename(`${project.path}/elsewhere`, `${project.path}/lib`), /lib.*: live/);
    await live("lib/c.ts", "export const a = 9;")();
  });
  await t.step("a module that does not exist yet", async () => {
    const code = tick('import { a } from "../later/d.ts";', 'log.info("tick", { a });');
    await after(() => write("functions/count.ts", code), /there is no file later\/d\.ts|later\/d\.ts/);
    await Deno.mkdir(`${project.path}/later`);
    await after(() => write("later/d.ts", "export const a = 4;"), /later.*: live/);
  });
});

Deno.test("dev restarts the runtime however often it exits", async () => {
  await using weir = await setup({
    "functions/count.ts": tick("", 'log.info("tick", { n: data.n }); if (data.n > 0) Deno.kill(Deno.pid, "SIGKILL");'),
  }, { config: (text) => text.replaceAll("--allow-read ", "--allow-read --allow-run ") });
  const { dev, post, after } = weir;
  for (let n = 1; n <= 3; n++) await after(() => post(n), /restarted: .*live/);
  await after(() => post(0), /"message":"tick".*"n":0/);
  assert.ok(dev.lines.some((line) => line.includes("restarting in 200 ms")));
});

Deno.test("dev names the function that blocks the thread, and answers requests meanwhile", async () => {
  const blocks = "while (Date.now() < data.n) { /* computes */ }";
  await using weir = await setup({ "functions/count.ts": tick("", blocks) });
  const { dev, post, after, url } = weir;
  await after(() => post(Date.now() + 12_000), /"message":"the thread has been blocked for \d+ s by count: /);
  await dev.waitForLine(/a handler blocks the thread of the runtime/);
  for (
    const answer of [
      await post(0),
      await fetch(`${url}/health`).then(async (r) => ({ status: r.status, text: await r.text() })),
    ]
  ) {
    assert.equal(answer.status, 503);
    assert.match(answer.text, /a handler blocks the thread/);
  }
  await dev.waitForLine(/the thread runs again/);
  assert.equal((await post(0)).status, 202);
});

Deno.test("dev --inspect lets a debugger attach to the live version, also after a save", async () => {
  const { PORT: port } = freePorts("PORT");
  const file = "functions/count.ts";
  await using weir = await setup({ [file]: tick("", "log.info(String(data.n));") }, { args: ["--inspect", port] });
  const target = () =>
    eventually(async () => {
      const [{ id }] = await (await fetch(`http://127.0.0.1:${port}/json`)).json() as { id: string }[];
      return id;
    });
  const first = await target();
  await weir.after(() => weir.write(file, tick("", "")), /count\.ts: live/);
  await eventually(async () => await target() !== first);
});
