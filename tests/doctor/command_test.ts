import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { freePorts, waitUntilClosed } from "../support/ports.ts";
import { copyProject } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

interface Told {
  readonly check: string;
  readonly severity: string;
  readonly what: string;
  readonly fix: string;
  readonly unchecked?: boolean;
}

/** Runs `doctor` in a project: what it printed, and its exit code. */
async function doctor(project: string, args: string[], env: Record<string, string>) {
  await using program = startWeir(project, ["doctor", ...args], { NO_COLOR: "1", ...env });
  const { code } = await program.status;
  return { code, text: program.lines.join("\n") };
}

Deno.test("beside a fresh `dev` doctor has no error and no warning", async () => {
  await using project = await copyProject();
  const ports = freePorts("PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  let natsPort = "";
  {
    await using dev = startWeir(project.path, ["dev"], ports);
    await dev.waitForLine(/^Weir is up in/);
    natsPort = new URL(JSON.parse(await Deno.readTextFile(`${project.path}/.weir/dev.json`)).nats).port;
    const { code, text } = await doctor(project.path, ["--json", "--strict"], {});
    const told: Told[] = JSON.parse(text);
    assert.deepEqual(told.filter(({ severity }) => severity !== "info"), []);
    assert.deepEqual(told.map(({ check }) => check), ["api-keys", "shutdown-grace", "sync"]);
    assert.equal(code, 0);
    const plain = await doctor(project.path, [], {});
    assert.match(plain.text, /0 errors, 0 warnings, 3 info; \d+ checks passed$/);
  }
  await waitUntilClosed([natsPort]);
});

Deno.test("the exit code tells of errors, and with --strict of warnings", async () => {
  await using project = await copyProject();
  await using server = await startServer();
  const env = { NATS_URL: server.url, WEIR_API_KEYS: "shop:short" };
  const warned = await doctor(project.path, [], env);
  assert.equal(warned.code, 0);
  assert.match(warned.text, /warning {2}the secret of the API key "shop" has 5 characters/);
  assert.equal((await doctor(project.path, ["--strict"], env)).code, 1);
  const wrong = await doctor(project.path, [], { ...env, WEIR_API_KEYS: "" });
  assert.equal(wrong.code, 1);
  assert.match(wrong.text, /error {4}WEIR_API_KEYS is not set and HOST is "0\.0\.0\.0"/);
});

Deno.test("without NATS and with a broken file the other checks are made, and all of it is told at once", async () => {
  await using project = await copyProject();
  await Deno.writeTextFile(`${project.path}/functions/broken.ts`, "export default 1;");
  const env = { NATS_URL: "nats://127.0.0.1:1", HOST: "127.0.0.1", WEIR_WORKER: "2" };
  const { OTLP } = freePorts("OTLP"), endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${OTLP}` };
  const { code, text } = await doctor(project.path, ["--json"], { ...env, ...endpoint });
  assert.equal(code, 1);
  const told = (JSON.parse(text) as Told[]).filter(({ unchecked }) => !unchecked);
  assert.deepEqual(told.map(({ check, severity }) => `${check} ${severity}`), [
    "variable-names warning",
    "collector warning",
    "project error",
    "connection error",
  ]);
  assert.match(
    told[1].what,
    /OTEL_EXPORTER_OTLP_ENDPOINT is http:\/\/127\.0\.0\.1:\d+, where nothing answers by HTTP: .*refused/,
  );
  assert.match(told[2].what, /functions\/broken\.ts: its default export is not a function/);
  assert.match(told[3].fix, /start the server, or correct NATS_URL/);
});

Deno.test("a configuration that is wrong is told, and the project is looked at all the same", async () => {
  await using project = await copyProject();
  const { code, text } = await doctor(project.path, ["--json"], { PORT: "x", WEIR_AUTH: "yes" });
  assert.equal(code, 1);
  const told = (JSON.parse(text) as Told[]).filter(({ unchecked }) => !unchecked);
  assert.deepEqual(told.map(({ check, what }) => `${check}: ${what.split(" ", 1)}`), [
    "configuration: PORT",
    "configuration: WEIR_AUTH",
  ]);
});
