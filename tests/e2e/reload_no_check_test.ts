import assert from "node:assert/strict";
import { previousStopped, SCHEMA, startReloading, tick } from "./reloading.ts";

Deno.test("dev --no-check reloads each save", async (t) => {
  await using weir = await startReloading(["--no-check"]);
  await t.step("dev --no-check keeps a change with a type error live", async () => {
    const from = weir.dev.lines.length;
    await weir.write("functions/count.ts", `const one: number = "1";` + tick("1"));
    await weir.dev.waitForLine(/count\.ts: live/, from);
    await weir.post(1);
    await weir.dev.waitForLine(/"message":"tick".*"n":1,"version":"1"/, from);
    await previousStopped(weir.dev.pid);
    assert.deepEqual(weir.dev.lines.filter((line) => /^dev .*type/.test(line)), []);
  });

  await t.step("dev skips no event while a save misspells its type", async () => {
    await weir.begin("skips");
    const on = (...types: string[]) => tick("1").replace("on: Tick", `on: ${JSON.stringify(types)}`);
    let from = weir.dev.lines.length;
    const live = async (code: string) => {
      from = weir.dev.lines.length;
      await weir.write("functions/count.ts", code);
      await weir.dev.waitForLine(/live in/, from);
    };
    await weir.write(
      "schemas/ticks.ts",
      SCHEMA + SCHEMA.split("\n")[3].replace("Tick", "Other").replace("made", "seen"),
    );
    await weir.dev.waitForLine(/live in/, from);
    await live(on("ticks.made", "ticks.seen"));
    await live(on("ticks.maed", "ticks.seen"));
    assert.equal((await weir.post(7)).status, 202);
    assert.equal((await weir.post(8, "ticks.seen")).status, 202);
    await weir.dev.waitForLine(/"message":"tick".*"n":8/, from); // the consumer's position is beyond 7
    await live(on("ticks.made", "ticks.seen"));
    await weir.dev.waitForLine(/"message":"tick".*"n":7/, from);
  });

  await t.step("dev soon replaces a module that loops by its corrected version", async () => {
    await weir.begin("loops");
    const from = weir.dev.lines.length;
    await weir.write(
      "functions/_endless.ts",
      `console.log("spinning");\nconst spins = true;\nwhile (spins);\nexport {};\n`,
    );
    await weir.write("functions/count.ts", `import "./_endless.ts";` + tick("1"));
    await weir.dev.waitForLine(/^spinning$/, from);
    await weir.save("2");
    await weir.dev.waitForLine(/count\.ts: live/, from);
    // A load that times out after 20 s would print an error.
    assert.deepEqual(weir.dev.lines.slice(from).filter((line) => line.includes("error")), []);
  });

  await t.step("dev applies new permissions of deno.json, and reports an invalid deno.json", async () => {
    await weir.begin("permissions");
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
});
