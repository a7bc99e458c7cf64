import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { startServer } from "../../../runtime/nats_server/server.ts";

const PROGRAM = fileURLToPath(new URL("connect_program.ts", import.meta.url));
const PASSWORD = 'authorization { users = [ { user: alice, password: "right" } ] }';

/** What connecting to each of the URLs ended with: null, or an error's message. */
async function connectTo(urls: string[]): Promise<(string | null)[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net", "--allow-env", PROGRAM, ...urls],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(code, 0, `the process ended: ${text(stderr)}`);
  return text(stdout).trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("a refused login is an error and does not end the process", async () => {
  await using server = await startServer({ config: PASSWORD });
  const urls = Array<string>(3).fill(`nats://alice:wrong@127.0.0.1:${server.port}`);
  // What a dead connection leaves behind is a race, and a fresh process the likeliest to lose it.
  const runs = await Promise.allSettled(Array.from({ length: 8 }, () => connectTo(urls)));
  const messages = runs.flatMap((run) => run.status === "fulfilled" ? run.value : [String(run.reason)]);
  assert.equal(messages.length, 24);
  assert.deepEqual([...new Set(messages)], [
    `cannot connect to NATS at 127.0.0.1:${server.port}: Authorization Violation: ` +
    `check NATS_CREDS, NATS_TOKEN or NATS_USER and NATS_PASSWORD`,
  ]);
});

Deno.test("a password in a URL is never shown, however the URL is written", async () => {
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

Deno.test("a token alone in front of the host is a token, as NATS's own tools take it", async () => {
  await using server = await startServer({ config: "authorization { token: t0ken }" });
  assert.deepEqual(await connectTo([`nats://t0ken@127.0.0.1:${server.port}`]), [null]);
});
