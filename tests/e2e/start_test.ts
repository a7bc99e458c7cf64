import assert from "node:assert/strict";
import { program } from "../../runtime/cli/program.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { freePorts } from "../support/ports.ts";
import { copyProject } from "../support/project.ts";
import { startWeir, WEIR_OPTIONS } from "../support/weir_process.ts";

/** The format in which a start that fails prints text. */
const PRETTY = { LOG_FORMAT: "pretty" };

async function run(project: string, env: Record<string, string>, args = ["start"]) {
  await using program = startWeir(project, args, env);
  const { code } = await program.status;
  return { code, text: program.lines.join("\n") };
}

Deno.test("start names every problem of configuration and code at once, and exits with 1", async () => {
  await using project = await copyProject();
  await Deno.writeTextFile(`${project.path}/functions/broken.ts`, "export const nothing = 1;");
  await Deno.writeTextFile(`${project.path}/functions/typo.ts`, 'import "./nowhere.ts";');
  const { code, text } = await run(project.path, { ...PRETTY, PORT: "eighty", SHUTDOWN_GRACE: "soon" });
  assert.equal(code, 1);
  assert.match(text, /PORT is "eighty"; wanted: a port: 0 to 65535/);
  assert.match(text, /SHUTDOWN_GRACE is "soon"; wanted: milliseconds, or text such as "250ms"/);
  assert.match(text, /functions\/typo\.ts:1:8: there is no file functions\/nowhere\.ts$/m);
  assert.match(text, /functions\/broken\.ts: no default export: write `export default defineFunction/);
  assert.match(text, /^weir: 4 problems:$/m);
});

Deno.test("start refuses to listen beyond loopback without keys, and names the ways to allow it", async () => {
  await using project = await copyProject();
  const { code, text } = await run(project.path, PRETTY);
  assert.equal(code, 1);
  assert.match(text, /WEIR_API_KEYS is not set and HOST is "0\.0\.0\.0"/);
  assert.match(
    text,
    /Set WEIR_API_KEYS=name:secret, or WEIR_JWT_KEYS_URL, or HOST=127\.0\.0\.1, or WEIR_AUTH=none on purpose/,
  );
});

Deno.test("start reads a secret's file once, since it may be a pipe", async () => {
  await using project = await copyProject();
  const { NATS } = freePorts("NATS");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...WEIR_OPTIONS, "weir/cli", "start"],
    cwd: project.path,
    env: { HOST: "0.0.0.0", NATS_URL: `nats://127.0.0.1:${NATS}`, WEIR_API_KEYS_FILE: "/dev/stdin" },
    stdin: "piped",
    stderr: "piped",
  }).spawn();
  const keys = child.stdin.getWriter();
  await keys.write(new TextEncoder().encode("shop:secret"));
  await keys.close();
  const { stderr } = await child.output();
  assert.match(JSON.parse(new TextDecoder().decode(stderr)).message, /^cannot connect to NATS/);
});

Deno.test("start that fails prints one JSON line with LOG_FORMAT=json, without secrets", async () => {
  await using project = await copyProject();
  const { NATS, ...ports } = freePorts("NATS", "PORT", "ADMIN_PORT");
  const nats = { ...ports, HOST: "127.0.0.1", NATS_URL: `nats://127.0.0.1:${NATS}`, NATS_TOKEN: "t0psecret" };
  const cases: [env: Record<string, string>, message: RegExp, problems: number | undefined][] = [
    [{ PORT: "eighty", WEIR_FUNCTIONS: "nothing" }, /^cannot start: 2 problems$/, 2],
    [{ PORT: "eighty", SHUTDOWN_GRACE: "t0psecret", NATS_TOKEN: "t0psecret" }, /^cannot start: 2 problems$/, 2],
    [nats, /^cannot connect to NATS at 127\.0\.0\.1:\d+: /, undefined],
    [{ LOG_FORMAT: "JSON" }, /^cannot start: 1 problem$/, 1],
    [{ ...nats, WEIR_WORKERS: "2" }, /^cannot connect to NATS at 127\.0\.0\.1:\d+: /, undefined],
  ];
  for (const [env, message, problems] of cases) {
    const { code, text } = await run(project.path, { LOG_LEVEL: "info", ...env });
    const lines = text.split("\n").map((line) => JSON.parse(line)).filter(({ level }) => level === "error");
    assert.equal(code, 1);
    assert.equal(lines.length, 1, text);
    assert.match(lines[0].message, message);
    assert.equal(lines[0].problems?.length, problems);
    assert.ok(!text.includes("t0psecret"), text);
  }
});

Deno.test("start names the NATS servers it cannot reach, and exits with 1", async () => {
  await using project = await copyProject();
  const { NATS } = freePorts("NATS");
  const { code, text } = await run(project.path, {
    ...PRETTY,
    HOST: "127.0.0.1",
    NATS_URL: `nats://127.0.0.1:${NATS}`,
  });
  assert.equal(code, 1);
  assert.match(text, new RegExp(`^weir: cannot connect to NATS at 127\\.0\\.0\\.1:${NATS}: `, "m"));
});

Deno.test("publish stores one event, or each line of NDJSON, and refuses data that the schema refuses", async () => {
  await using server = await startServer();
  await using project = await copyProject();
  const ports = freePorts("PORT", "ADMIN_PORT");
  const env = { ...ports, HOST: "127.0.0.1", NATS_URL: server.url, LOG_LEVEL: "info" };
  await using runtime = startWeir(project.path, ["start"], env);
  await runtime.waitForLog(({ message }) => message === "ready");

  const order = { orderId: "o1", items: [{ sku: "book", quantity: 1 }], total: 1_200 };
  const one = await run(project.path, env, ["publish", "orders.created", JSON.stringify(order), "--json"]);
  assert.equal(one.code, 0, one.text);
  const { type, stream, sequence } = JSON.parse(one.text);
  assert.deepEqual({ type, stream, sequence }, { type: "orders.created", stream: "ORDERS", sequence: 1 });

  const file = `${project.path}/orders.ndjson`;
  await Deno.writeTextFile(file, [1, 2, 3].map((n) => JSON.stringify({ ...order, orderId: `n${n}` })).join("\n"));
  const many = await run(project.path, env, ["publish", "orders.created", `@${file}`]);
  assert.equal(many.text, "stored 3 events of type orders.created");

  const wrong = await run(project.path, env, ["publish", "orders.created", '{"orderId":7}']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.text, /^weir: the data does not match orders\.created: orderId: .*; items: .*; total: /);
});

Deno.test("every command prints its usage with --help", async () => {
  await using project = await copyProject();
  const { code, text } = await run(project.path, {}, ["publish", "--help"]);
  assert.equal(code, 0);
  assert.match(text, /^Usage: weir publish/);
  for (const command of (await program()).commands) {
    assert.ok(command.helpInformation().startsWith(`Usage: weir ${command.name()} `), command.name());
  }
});
