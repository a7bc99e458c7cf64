import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { freePorts, waitUntilClosed } from "../support/ports.ts";
import { copyProject } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

interface Printed {
  readonly check: string;
  readonly severity: string;
  readonly what: string;
  readonly fix: string;
  readonly unchecked?: boolean;
}

/** Runs `doctor` in a project. Returns its output and exit code. */
async function doctor(project: string, args: string[], env: Record<string, string>) {
  await using program = startWeir(project, ["doctor", ...args], { NO_COLOR: "1", ...env });
  const { code } = await program.status;
  return { code, text: program.lines.join("\n") };
}

Deno.test("doctor finds no error and no warning beside a fresh `dev`", async () => {
  await using project = await copyProject();
  const ports = freePorts("PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  let natsPort = "";
  {
    await using dev = startWeir(project.path, ["dev"], ports);
    await dev.waitForLine(/^Weir is up in/);
    natsPort = new URL(JSON.parse(await Deno.readTextFile(`${project.path}/.weir/dev.json`)).nats).port;
    const { code, text } = await doctor(project.path, ["--json", "--strict"], {});
    const printed: Printed[] = JSON.parse(text);
    assert.deepEqual(printed.filter(({ severity }) => severity !== "info"), []);
    assert.deepEqual(printed.map(({ check }) => check), ["api-keys", "sync"]);
    assert.equal(code, 0);
    const plain = await doctor(project.path, [], {});
    assert.match(plain.text, /0 errors, 0 warnings, 2 info; \d+ checks passed$/);
  }
  await waitUntilClosed([natsPort]);
});

Deno.test("doctor exits with 1 on errors, and with --strict on warnings", async () => {
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

Deno.test("doctor checks the rest without NATS and with a broken file, and prints all findings at once", async () => {
  await using project = await copyProject();
  await Deno.writeTextFile(`${project.path}/functions/broken.ts`, "export default 1;");
  const env = { NATS_URL: "nats://127.0.0.1:1", HOST: "127.0.0.1", WEIR_WORKER: "2" };
  const { OTLP } = freePorts("OTLP"), endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${OTLP}` };
  const { code, text } = await doctor(project.path, ["--json"], { ...env, ...endpoint });
  assert.equal(code, 1);
  const printed = (JSON.parse(text) as Printed[]).filter(({ unchecked }) => !unchecked);
  assert.deepEqual(printed.map(({ check, severity }) => `${check} ${severity}`), [
    "variable-names warning",
    "collector warning",
    "project error",
    "connection error",
  ]);
  assert.match(
    printed[1].what,
    /OTEL_EXPORTER_OTLP_ENDPOINT is http:\/\/127\.0\.0\.1:\d+, which does not answer by HTTP: .*refused/,
  );
  assert.match(printed[2].what, /functions\/broken\.ts: its default export is not a function/);
  assert.match(printed[3].fix, /start the server, or correct NATS_URL/);
});

Deno.test("doctor reports an invalid configuration, and still loads the project", async () => {
  await using project = await copyProject();
  const { code, text } = await doctor(project.path, ["--json"], { PORT: "x", WEIR_AUTH: "yes" });
  assert.equal(code, 1);
  const printed = (JSON.parse(text) as Printed[]).filter(({ unchecked }) => !unchecked);
  assert.deepEqual(printed.map(({ check, what }) => `${check}: ${what.split(" ", 1)}`), [
    "configuration: PORT",
    "configuration: WEIR_AUTH",
  ]);
});
