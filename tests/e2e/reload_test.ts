import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

/** Number of saves under load. WEIR_TEST_SAVES raises it, to measure times. */
const SAVES = Number(Deno.env.get("WEIR_TEST_SAVES") ?? 5), PER_SECOND = 500, TICK_MS = 20;
/** Maximum open requests. On a slow machine the load is less: the kernel resets connections beyond its queue. */
const MAX_OPEN = 64;
/** Number of events between two saves. */
const EVENTS_PER_SAVE = 200;

const tick = (version: string) => `
import { defineFunction } from "weir";
import { Tick } from "../schemas/ticks.ts";
export default defineFunction({ on: Tick }, (event, ctx) => ctx.log.info("tick", { n: event.data.n, version: "${version}" }));
`;
const SCHEMA = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Tick = defineEvent({ type: "ticks.made", version: 1, data: z.object({ n: z.int() }), ingress: {} });
`;

async function setup(options: readonly string[] = []) {
  const project = await copyProjectWith({ "functions/count.ts": tick("0"), "schemas/ticks.ts": SCHEMA });
  const write = (file: string, code: string) => Deno.writeTextFile(`${project.path}/${file}`, code);
  const env = freePorts("PORT", "ADMIN_PORT"),
    dev = startWeir(project.path, ["dev", ...options], { ...env, LOG_LEVEL: "info" });
  await dev.waitForLine(/^Weir is up in/);
  if (!options.includes("--no-check")) await dev.waitForLine(/type check: no errors/);
  const post = async (n: number, type = "ticks.made") => {
    const body = JSON.stringify({ n }), headers = { "content-type": "application/json" };
    const response = await fetch(`http://127.0.0.1:${env.PORT}/events/${type}`, { method: "POST", headers, body });
    const text = await response.text();
    return { n, status: response.status, text };
  };
  const seen = () =>
    dev.lines.filter((line) => line.includes('"message":"tick"')).map((line) => JSON.parse(line)) as {
      n: number;
      version: string;
    }[];
  return {
    dev,
    adminUrl: `http://127.0.0.1:${env.ADMIN_PORT}`,
    path: project.path,
    write,
    post,
    seen,
    save: (version: string) => write("functions/count.ts", tick(version)),
    [Symbol.asyncDispose]: async () => {
      await dev[Symbol.asyncDispose]();
      await project[Symbol.asyncDispose]();
    },
  };
}

Deno.test(`dev loses no event and fails no request during ${SAVES} saves under up to ${PER_SECOND} events a second`, async () => {
  await using weir = await setup();
  const posts: ReturnType<typeof weir.post>[] = [];
  let n = 0, open = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < PER_SECOND * TICK_MS / 1_000 && open < MAX_OPEN; i++, open++) {
      posts.push(weir.post(n++).catch((error) => ({ n, status: 0, text: String(error) })).finally(() => open--));
    }
  }, TICK_MS);
  const times: number[] = [];
  try {
    for (let save = 1; save <= SAVES; save++) {
      const from = weir.dev.lines.length, fromMs = performance.now();
      await weir.save(String(save));
      await weir.dev.waitForLine(new RegExp(`"message":"tick".*"version":"${save}"`), from);
      times.push(Math.round(performance.now() - fromMs)); // until the new version has handled its first event
      await weir.dev.waitForLine(new RegExp(`"message":"tick".*"n":${n + EVENTS_PER_SAVE}\\b`), from);
    }
  } finally {
    clearInterval(timer);
  }
  const answers = await Promise.all(posts);
  assert.deepEqual(answers.filter(({ status }) => status !== 202), []);
  await weir.dev.waitForLine(new RegExp(`"message":"tick".*"n":${n - 1}\\b`));
  await eventually(() => new Set(weir.seen().map((line) => line.n)).size === n);
  const repeated = weir.seen().length - n;
  const [first, ...later] = times.splice(0, 1).concat(times.sort((a, b) => a - b));
  console.log(
    `${n} events, ${SAVES} saves, none lost, none failed, ${repeated} redelivered; live after ` +
      `${later[Math.floor(later.length / 2)]} ms (median), ${later.at(-1)} ms (longest); ` +
      `the first after ${first} ms`,
  );
  assert.equal(repeated, 0);
});

Deno.test("dev skips no event while a save misspells its type", async () => {
  await using weir = await setup(["--no-check"]);
  const on = (...types: string[]) => tick("1").replace("on: Tick", `on: ${JSON.stringify(types)}`);
  let from = weir.dev.lines.length;
  const live = async (code: string) => {
    from = weir.dev.lines.length;
    await weir.write("functions/count.ts", code);
    await weir.dev.waitForLine(/live in/, from);
  };
  await weir.write("schemas/ticks.ts", SCHEMA + SCHEMA.split("\n")[3].replace("Tick", "Other").replace("made", "seen"));
  await weir.dev.waitForLine(/live in/, from);
  await live(on("ticks.made", "ticks.seen"));
  await live(on("ticks.maed", "ticks.seen"));
  assert.equal((await weir.post(7)).status, 202);
  assert.equal((await weir.post(8, "ticks.seen")).status, 202);
  await weir.dev.waitForLine(/"message":"tick".*"n":8/, from); // the consumer's position is beyond 7
  await live(on("ticks.made", "ticks.seen"));
  await weir.dev.waitForLine(/"message":"tick".*"n":7/, from);
});

Deno.test("dev shows an error with its position, and keeps the last working version running", async (t) => {
  await using weir = await setup();
  const mistakes = [
    {
      what: "a type error",
      code: tick("1").replace("event.data.n", "event.data.m"),
      said: /at functions\/count\.ts:4:\d+$/,
    },
    {
      what: "a syntax error",
      code: tick("1") + "const x = {",
      said: /functions\/count\.ts.*(parsed|Unexpected|Expected)/,
    },
    { what: "an import of a missing file", code: `import "./nothing.ts";` + tick("1"), said: /nothing\.ts/ },
    { what: "an error at import", code: tick("1") + `throw new Error("at import");`, said: /at import/ },
    { what: "an unknown option", code: tick("1").replace("on: Tick", "on: Tick, tymeout: 5"), said: /tymeout/ },
  ];
  for (const [i, { what, code, said }] of mistakes.entries()) {
    await t.step(what, async () => {
      const from = weir.dev.lines.length;
      await weir.write("functions/count.ts", code);
      await weir.dev.waitForLine(said, from);
      await weir.dev.waitForLine(/the last working version keeps running/, from);
      assert.equal((await weir.post(i)).status, 202);
      await weir.dev.waitForLine(new RegExp(`"message":"tick".*"n":${i},"version":"0"`), from);
    });
  }
  await t.step("dev goes live once the file is corrected", async () => {
    const from = weir.dev.lines.length;
    await weir.save("2");
    await weir.dev.waitForLine(/count\.ts: live/, from);
    await weir.dev.waitForLine(/type check: no errors/, from);
    assert.equal((await weir.post(99)).status, 202);
    await weir.dev.waitForLine(/"message":"tick".*"n":99,"version":"2"/, from);
  });
});

Deno.test("dev checks the functions that use a changed schema, and they go live with it", async () => {
  await using weir = await setup();
  const from = weir.dev.lines.length;
  await weir.write("schemas/ticks.ts", SCHEMA.replace("n: z.int()", "n: z.string()"));
  await weir.dev.waitForLine(/schemas\/ticks\.ts: live/, from);
  await previousStopped(weir.dev.pid);
  const refused = weir.dev.lines.length;
  await weir.write("schemas/ticks.ts", SCHEMA.replace("n: z.int()", "m: z.int()"));
  await weir.dev.waitForLine(/Property 'n' does not exist/, refused);
  assert.match((await weir.post(1)).text, /"path":"n","message":"Invalid input: expected string/);
});

const OTHER =
  'import { defineFunction } from "weir";\nexport default defineFunction({ on: "others.made" }, () => {});\n';
const WRONG = tick("1").replace("event.data.n", "event.data.m");

Deno.test("dev shows a type error again when another file is saved, until it is corrected", async () => {
  await using weir = await setup();
  let from = weir.dev.lines.length;
  await weir.write("functions/count.ts", WRONG);
  await weir.dev.waitForLine(/keeps running/, from);
  const source = WRONG.split("\n")[3], column = source.indexOf("m, version");
  assert.deepEqual(weir.dev.lines.slice(from).map((line) => line.replace(/ in \d+ ms/, "").replace(/ on type.*/, "")), [
    "dev functions/count.ts: live",
    "dev type error TS2339 [ERROR]: Property 'm' does not exist",
    source,
    `${" ".repeat(column)}^`,
    `    at functions/count.ts:4:${column + 1}`,
    "dev functions/count.ts: rolled back, the last working version keeps running",
  ]);
  from = weir.dev.lines.length;
  await weir.write("functions/other.ts", OTHER);
  await weir.dev.waitForLine(/at functions\/count\.ts:4:\d+$/, from);
  await weir.dev.waitForLine(/count\.ts, functions\/other\.ts: rolled back/, from);
  from = weir.dev.lines.length;
  await weir.save("2");
  await weir.dev.waitForLine(/count\.ts, functions\/other\.ts: live/, from);
  await weir.dev.waitForLine(/type check: no errors/, from);
});

Deno.test("dev rolls back a type error while a handler of the previous version still runs", async () => {
  await using weir = await setup();
  const slow = tick("slow").replace("=> ctx.log", `=> event.data.n === 1 ? wait(ctx) : ctx.log`) +
    `async function wait({ log }: { log: { info(text: string): void } }) {
       log.info("waits");
       await new Promise((resolve) => setTimeout(resolve, 20_000));
     }`;
  let from = weir.dev.lines.length;
  await weir.write("functions/count.ts", slow);
  await weir.dev.waitForLine(/count\.ts: live/, from);
  await previousStopped(weir.dev.pid);
  await weir.post(1);
  await weir.dev.waitForLine(/"message":"waits"/, from);
  from = weir.dev.lines.length;
  await weir.write("functions/count.ts", WRONG);
  await weir.dev.waitForLine(/rolled back/, from);
  await weir.post(2);
  await weir.dev.waitForLine(/"message":"tick".*"n":2,"version":"slow"/, from);
  const page = await (await fetch(`${weir.adminUrl}/metrics`)).text();
  assert.match(page, /^weir_nats_connected(\{[^}]*\})? 1$/m); // also of the revision that was on standby
});

Deno.test("dev --no-check keeps a change with a type error live", async () => {
  await using weir = await setup(["--no-check"]);
  const from = weir.dev.lines.length;
  await weir.write("functions/count.ts", `const one: number = "1";` + tick("1"));
  await weir.dev.waitForLine(/count\.ts: live/, from);
  await weir.post(1);
  await weir.dev.waitForLine(/"message":"tick".*"n":1,"version":"1"/, from);
  await previousStopped(weir.dev.pid);
  assert.deepEqual(weir.dev.lines.filter((line) => /^dev .*type/.test(line)), []);
});

Deno.test("dev applies new permissions of deno.json, and reports an invalid deno.json", async () => {
  await using weir = await setup(["--no-check"]);
  const settings = await Deno.readTextFile(`${weir.path}/deno.json`);
  const asks = tick("1").replace(
    `"tick"`,
    `"sys: " + Deno.permissions.querySync({ name: "sys", kind: "hostname" }).state`,
  );
  let from = weir.dev.lines.length;
  await weir.write("functions/count.ts", asks);
  await weir.dev.waitForLine(/count\.ts: live/, from);
  await weir.post(1);
  await weir.dev.waitForLine(/sys: prompt/, from);
  await weir.write("deno.json", "{");
  await weir.dev.waitForLine(/error deno\.json cannot be read: /, from);
  from = weir.dev.lines.length;
  await weir.write(
    "deno.json",
    settings.replace(/("start": \{[^}]*--allow-sys=)/, "$1hostname,").replace("{", "{ // mine"),
  );
  await weir.dev.waitForLine(/deno\.json: live/, from);
  await weir.post(2);
  await weir.dev.waitForLine(/sys: granted/, from);
});

Deno.test("dev soon replaces a module that loops by its corrected version", async () => {
  await using weir = await setup(["--no-check"]);
  const from = weir.dev.lines.length;
  await weir.write("functions/_endless.ts", "export const spins = true;\nwhile (spins);\n");
  await weir.write("functions/count.ts", `import "./_endless.ts";` + tick("1"));
  await eventually(() => busy(weir.dev.pid), { every: 100 });
  await weir.save("2");
  await weir.dev.waitForLine(/count\.ts: live/, from);
  // A load that times out after 20 s would print an error.
  assert.deepEqual(weir.dev.lines.slice(from).filter((line) => line.includes("error")), []);
});

/** Returns whether a revision has used a second of processor time. */
async function busy(pid: number): Promise<boolean> {
  return (await revisionsOf(pid)).some((line) => Number.parseInt(line) >= 1);
}

/** Waits until the previous revision has exited, after its successor passed the type check. */
async function previousStopped(pid: number): Promise<void> {
  await eventually(async () => (await revisionsOf(pid)).length <= 2); // the current one and the spare
}

/** Returns the command lines of the revisions of a `dev`, each after its seconds of processor time. */
async function revisionsOf(pid: number): Promise<string[]> {
  const args = ["-o", "cputimes=,args=", "--ppid", String(pid)];
  const lines = new TextDecoder().decode((await new Deno.Command("ps", { args }).output()).stdout);
  return lines.split("\n").filter((line) => / revision$/.test(line));
}
