import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { previousStopped, SCHEMA, startReloading, tick } from "./reloading.ts";

/** Number of saves under load. WEIR_TEST_SAVES raises it, to measure times. */
const SAVES = Number(Deno.env.get("WEIR_TEST_SAVES") ?? 5), PER_SECOND = 500, TICK_MS = 20;
/** Maximum open requests. On a slow machine the load is less: the kernel resets connections beyond its queue. */
const MAX_OPEN = 64;
/** Number of events between two saves. */
const EVENTS_PER_SAVE = 200;

const OTHER =
  'import { defineFunction } from "weir";\nexport default defineFunction({ on: "others.made" }, () => {});\n';
const WRONG = tick("1").replace("event.data.n", "event.data.m");
/** The event that the first version does not finish until the test lets it. */
const HELD = 1;

// One `dev` for all: each start of one, and each check of its types, takes two seconds of processor time.
Deno.test("dev reloads each save, and rolls back one with a type error", async (t) => {
  const held = Promise.withResolvers<Response>();
  await using gate = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => held.promise);
  const waits = `{ ctx.log.info("waits"); await (await fetch("http://127.0.0.1:${gate.addr.port}")).text(); }`;
  const holding = tick("0").replace("(event, ctx) =>", `async (event, ctx) => { if (event.data.n === ${HELD}) ${waits}`)
    .replace(/\);\n$/, "; });\n");
  await using weir = await startReloading([], holding);

  await t.step(
    "dev shows a type error with its position, and rolls back while a handler of the previous version runs",
    async () => {
      assert.equal((await weir.post(HELD)).status, 202);
      await weir.dev.waitForLine(/"message":"waits"/);
      const from = weir.dev.lines.length;
      await weir.write("functions/count.ts", WRONG);
      await weir.dev.waitForLine(/keeps running/, from);
      const source = WRONG.split("\n")[3], column = source.indexOf("m, version");
      const printed = weir.dev.lines.slice(from).filter((line) => !line.includes('"level":"info"'));
      assert.deepEqual(printed.map((line) => line.replace(/ in \d+ ms/, "").replace(/ on type.*/, "")), [
        "dev functions/count.ts: live",
        "dev type error TS2339 [ERROR]: Property 'm' does not exist",
        source,
        `${" ".repeat(column)}^`,
        `    at functions/count.ts:4:${column + 1}`,
        "dev functions/count.ts: rolled back, the last working version keeps running",
      ]);
      assert.equal((await weir.post(2)).status, 202);
      await weir.dev.waitForLine(/"message":"tick".*"n":2,"version":"0"/, from);
      const page = await (await fetch(`${weir.adminUrl}/metrics`)).text();
      assert.match(page, /^weir_nats_connected(\{[^}]*\})? 1$/m); // also of the revision that was on standby
      const isHeld = new RegExp(`"message":"tick".*"n":${HELD},`);
      assert.ok(!weir.dev.lines.some((line) => isHeld.test(line)), "the handler has ended");
      held.resolve(new Response());
      await weir.dev.waitForLine(isHeld, from);
    },
  );

  await t.step("dev shows a type error again when another file is saved, until it is corrected", async () => {
    let from = weir.dev.lines.length;
    await weir.write("functions/other.ts", OTHER);
    await weir.dev.waitForLine(/at functions\/count\.ts:4:\d+$/, from);
    await weir.dev.waitForLine(/count\.ts, functions\/other\.ts: rolled back/, from);
    from = weir.dev.lines.length;
    await weir.save("right");
    await weir.dev.waitForLine(/count\.ts, functions\/other\.ts: live/, from);
    await weir.dev.waitForLine(/type check: no errors/, from);
  });

  await t.step(
    `dev loses no event and fails no request during ${SAVES} saves under up to ${PER_SECOND} events a second`,
    async () => {
      const posts: ReturnType<typeof weir.post>[] = [];
      const begin = weir.dev.lines.length;
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
      await weir.dev.waitForLine(new RegExp(`"message":"tick".*"n":${n - 1}\\b`), begin);
      await eventually(() => new Set(weir.seen(begin).map((line) => line.n)).size === n);
      const repeated = weir.seen(begin).length - n;
      const [first, ...later] = times.splice(0, 1).concat(times.sort((a, b) => a - b));
      console.log(
        `${n} events, ${SAVES} saves, none lost, none failed, ${repeated} redelivered; live after ` +
          `${later[Math.floor(later.length / 2)]} ms (median), ${later.at(-1)} ms (longest); ` +
          `the first after ${first} ms`,
      );
      assert.equal(repeated, 0);
    },
  );

  await t.step("dev shows why a file cannot be loaded, and keeps the last working version running", async (t) => {
    const mistakes = [
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
        await weir.dev.waitForLine(new RegExp(`"message":"tick".*"n":${i},"version":"${SAVES}"`), from);
      });
    }
    await t.step("dev goes live once the file is corrected", async () => {
      const from = weir.dev.lines.length;
      await weir.save("corrected");
      await weir.dev.waitForLine(/count\.ts: live/, from);
      assert.equal((await weir.post(99)).status, 202);
      await weir.dev.waitForLine(/"message":"tick".*"n":99,"version":"corrected"/, from);
    });
  });

  await t.step("dev checks the functions that use a changed schema, and they go live with it", async () => {
    const from = weir.dev.lines.length;
    await weir.write("schemas/ticks.ts", SCHEMA.replace("n: z.int()", "n: z.string()"));
    await weir.dev.waitForLine(/schemas\/ticks\.ts: live/, from);
    await previousStopped(weir.dev.pid);
    const refused = weir.dev.lines.length;
    await weir.write("schemas/ticks.ts", SCHEMA.replace("n: z.int()", "m: z.int()"));
    await weir.dev.waitForLine(/Property 'n' does not exist/, refused);
    assert.match((await weir.post(1)).text, /"path":"n","message":"Invalid input: expected string/);
  });
});
