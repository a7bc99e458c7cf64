import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { startDeno, startWeir } from "../support/weir_process.ts";

const SCHEMA = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Placed = defineEvent({ type: "orders.placed", version: 1, data: z.object({}), ingress: {} });
`;
const FUNCTION = `
import { defineFunction } from "weir";
import { Placed } from "../schemas/orders.ts";
export default defineFunction({ on: Placed }, () => {});
`;
/** A hook for start and stop that no function imports, and that opens while a file exists. */
const hook = (version: string) => `
import { defineResource } from "weir";
export const hook = defineResource({
  name: "hook",
  open: () => {
    Deno.statSync(new URL("../up", import.meta.url));
    console.log("hook ${version} opened");
  },
  close: () => console.log("hook ${version} closed"),
});
`;
const FILES = { "schemas/orders.ts": SCHEMA, "functions/ship.ts": FUNCTION, "functions/_hook.ts": hook("1"), "up": "" };

Deno.test("start closes what it has opened when it is stopped while another resource is being opened", async () => {
  const slow = `
import { defineResource } from "weir";
export const slow = defineResource({
  name: "slow",
  open: (signal) => {
    console.log("slow begins");
    signal.addEventListener("abort", () => console.log("slow was aborted"));
    return new Promise(() => {});
  },
});
`;
  await using project = await copyProjectWith({ ...FILES, "functions/_slow.ts": slow });
  await using server = await startServer();
  const env = { ...freePorts("PORT", "ADMIN_PORT"), HOST: "127.0.0.1", NATS_URL: server.url };
  await using start = startWeir(project.path, ["start"], env);
  await Promise.all([start.waitForLine(/^hook 1 opened$/), start.waitForLine(/^slow begins$/)]);
  start.kill("SIGTERM");
  const { code } = await start.status;
  assert.equal(code, 0, start.lines.join("\n"));
  assert.ok(start.lines.includes("slow was aborted") && start.lines.includes("hook 1 closed"), start.lines.join("\n"));
});

Deno.test("start closes what it has opened when it is stopped while NATS accepts its connection and says nothing", async () => {
  await using project = await copyProjectWith(FILES);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const env = {
    ...{ ...freePorts("PORT", "ADMIN_PORT"), HOST: "127.0.0.1" },
    NATS_URL: `nats://127.0.0.1:${listener.addr.port}`,
  };
  await using start = startWeir(project.path, ["start"], env);
  const connection = await listener.accept();
  start.kill("SIGTERM");
  const { code } = await start.status;
  connection.close();
  listener.close();
  assert.equal(code, 0, start.lines.join("\n"));
  assert.ok(start.lines.includes("hook 1 closed"), start.lines.join("\n"));
});

Deno.test("dev opens a hook anew with its file, closes the old one, and tries again while it cannot be opened", async () => {
  await using project = await copyProjectWith(FILES);
  const path = (file: string) => `${project.path}/${file}`;
  await Deno.remove(path("up"));
  await using dev = startWeir(project.path, ["dev", "--no-check"], freePorts("PORT", "ADMIN_PORT"));
  await dev.waitForLine(/functions\/_hook\.ts: resource hook could not be opened: .*No such file/);
  await dev.waitForLine(/retrying every 2 s and on each change/);
  await Deno.writeTextFile(path("up"), "");
  await dev.waitForLine(/started: live/);
  await dev.waitForLine(/^hook 1 opened$/);
  await Deno.writeTextFile(path("functions/_hook.ts"), hook("2"));
  await dev.waitForLine(/functions\/_hook\.ts: live/);
  await dev.waitForLine(/^hook 1 closed$/);
  dev.kill("SIGTERM");
  await dev.status;
  const hooks = dev.lines.filter((line) => line.startsWith("hook"));
  assert.deepEqual(hooks, ["hook 1 opened", "hook 2 opened", "hook 1 closed", "hook 2 closed"]);
});

Deno.test("startTestRuntime opens what a function in functions/ imports and exports, and no other helper", async () => {
  const resource = (name: string) => `
import { defineResource } from "weir";
export const ${name} = defineResource({ name: "${name}", open: () => "${name} is open" });
`;
  await using project = await copyProjectWith({
    ...{ "schemas/orders.ts": SCHEMA, "functions/_hook.ts": hook("1"), "functions/_db.ts": resource("db") },
    "functions/ship.ts": `${resource("own")}
import { defineFunction } from "weir";
import { Placed } from "../schemas/orders.ts";
import { db } from "./_db.ts";
export default defineFunction({ on: Placed }, (_event, ctx) => console.log(ctx.use(db), "and", own.get()));
`,
    "tests/ship_test.ts": `
import { assertAcked, startTestRuntime } from "weir/testing";
import ship from "../functions/ship.ts";
import { Placed } from "../schemas/orders.ts";
Deno.test("ship", async () => {
  await using runtime = await startTestRuntime({ functions: { renamed: ship } });
  const { settled: [first] } = await runtime.publishAndSettle(Placed, {});
  assertAcked(first);
});
`,
  });
  await using test = startDeno(project.path, ["test", "-A", "--no-check", "tests/ship_test.ts"], {});
  const { code } = await test.status, text = test.lines.join("\n");
  assert.equal(code, 0, text);
  assert.match(text, /^db is open and own is open$/m);
  assert.doesNotMatch(text, /hook 1 opened/);
});
