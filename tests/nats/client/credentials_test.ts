import { nkeys } from "@nats-io/transport-node";
import assert from "node:assert/strict";
import { Credentials } from "../../../runtime/nats/client/credentials.ts";
import { createOperator } from "../../support/creds.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const seed = () => new TextDecoder().decode(nkeys.createUser().getSeed());
const pem = (label: string) => `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----`;

const kinds: [name: "token" | "creds" | "nkey" | "ca" | "key", first: string, next: string, broken: string][] = [
  ["token", "first", "next", "\n"],
  ["creds", createOperator().creds(), createOperator().creds(), "-----BEGIN NATS USER JWT-----"],
  ["nkey", seed(), seed(), `SU${"A".repeat(56)}`],
  ["ca", pem("CERTIFICATE"), `${pem("CERTIFICATE")}\n${pem("CERTIFICATE")}`, "half a cert"],
  ["key", pem("PRIVATE KEY"), pem("EC PRIVATE KEY"), pem("CERTIFICATE")],
];
for (const [name, first, next, broken] of kinds) {
  Deno.test(`Credentials reads a replaced ${name} at the next dial, and keeps the last one while the file is broken`, async () => {
    await using folder = await temporaryDirectory();
    const path = `${folder.path}/file`, problems: string[] = [], replaced: string[] = [];
    const isTls = name === "ca" || name === "key";
    Deno.writeTextFileSync(path, first);
    const credentials = Credentials.read(
      {
        servers: ["a"],
        name: "test",
        ...(isTls ? { tls: { [name]: path } } : { [name]: first.trim(), files: { [name]: path } }),
      },
      { problem: (problem) => void problems.push(problem), replaced: (text) => void replaced.push(text) },
    );
    assert.ok(credentials instanceof Credentials);
    const dialled = () => credentials.next()[name];
    assert.equal(dialled(), first.trim());
    credentials.accepted();
    Deno.writeTextFileSync(path, broken);
    assert.deepEqual([dialled(), dialled(), problems.length], [first.trim(), first.trim(), 1]);
    assert.ok(problems[0].includes(path));
    Deno.writeTextFileSync(path, next);
    assert.equal(credentials.read(), true);
    assert.deepEqual([dialled(), dialled(), dialled()], [next, first, next].map((text) => text.trim()));
    credentials.accepted();
    assert.deepEqual([dialled(), credentials.read(), replaced, problems.length], [
      next.trim(),
      false,
      [next.trim()],
      1,
    ]);
  });
}

Deno.test("Credentials.read returns which certificate cannot be read", () => {
  const result = Credentials.read({ servers: ["a"], name: "test", tls: { ca: "/none/ca.pem" } });
  assert.match((result as Error).message, /^NATS_TLS_CA: \/none\/ca\.pem cannot be read: /);
});

Deno.test("Credentials reads a replaced file also where nothing listens to it, as in the watchdog and in commands", async () => {
  await using folder = await temporaryDirectory();
  const token = `${folder.path}/token`;
  const credentials = Credentials.read({ servers: ["a"], name: "test", token: "first", files: { token } });
  assert.ok(credentials instanceof Credentials);
  Deno.writeTextFileSync(token, "next");
  assert.deepEqual([credentials.newest().token, credentials.read()], ["next", true]);
});
