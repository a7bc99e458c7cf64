import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readInfo } from "../../../runtime/nats_server/probe.ts";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { eventually } from "../../support/eventually.ts";
import { freePorts } from "../../support/ports.ts";

const PROGRAM = fileURLToPath(new URL("connect_program.ts", import.meta.url));
const PASSWORD = 'authorization { users = [ { user: alice, password: "right" } ] }';

/** Connects to each URL in a process of its own. Returns the error messages; null for a connection. */
async function connectTo(urls: string[]): Promise<(string | null)[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net", "--allow-env", PROGRAM, ...urls],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(code, 0, `the process ended: ${text(stderr)}`);
  return text(stdout).trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("connectNats rejects a refused login, and the process lives on", async () => {
  await using server = await startServer({ config: PASSWORD });
  const urls = Array<string>(3).fill(`nats://alice:wrong@127.0.0.1:${server.port}`);
  // The late error of a dead connection is a race, which a fresh process loses most often.
  const runs = await Promise.allSettled(Array.from({ length: 8 }, () => connectTo(urls)));
  const messages = runs.flatMap((run) => run.status === "fulfilled" ? run.value : [String(run.reason)]);
  assert.equal(messages.length, 24);
  assert.deepEqual([...new Set(messages)], [
    `cannot connect to NATS at 127.0.0.1:${server.port}: Authorization Violation: ` +
    `check NATS_CREDS, NATS_TOKEN or NATS_USER and NATS_PASSWORD`,
  ]);
});

Deno.test("connectNats rejects a login that a whole cluster refuses", async () => {
  const ports = freePorts("a", "b"), routes = Object.values(ports).map((port) => `nats://127.0.0.1:${port}`).join(", ");
  const clusterOf = (port: string) =>
    `cluster { name: c, listen: "127.0.0.1:${port}", routes: [${routes}] }\n${PASSWORD}`;
  await using one = await startServer({ name: "a", config: clusterOf(ports.a) });
  await using other = await startServer({ name: "b", config: clusterOf(ports.b) });
  // Once they know each other, each names the other to its clients.
  await eventually(async () => (await readInfo("127.0.0.1", one.port)).connect_urls?.length === 2);
  await eventually(async () => (await readInfo("127.0.0.1", other.port)).connect_urls?.length === 2);
  const [message] = await connectTo([`nats://alice:wrong@127.0.0.1:${one.port}`]);
  assert.match(message!, /: Authorization Violation: check NATS_CREDS/);
});

Deno.test("connectNats never shows a URL's password, however the URL is written", async () => {
  await using server = await startServer({ config: PASSWORD });
  const host = `127.0.0.1:${server.port}`;
  const messages = await connectTo([
    `nats://alice:hunter2@${host}`,
    `alice:hunter2@${host}`,
    `nats://alice:hunt@hunter2@${host}`,
  ]);
  assert.equal(messages.length, 3);
  for (const message of messages) {
    assert.match(message!, /^cannot connect to NATS at .*: Authorization Violation: check NATS_CREDS/);
    assert.doesNotMatch(message!, /hunter2/);
  }
});

Deno.test("connectNats takes a name without a password in a URL as a token, as NATS's own tools do", async () => {
  await using server = await startServer({ config: "authorization { token: t0ken }" });
  assert.deepEqual(await connectTo([`nats://t0ken@127.0.0.1:${server.port}`]), [null]);
});
