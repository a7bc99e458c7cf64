import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { startServer } from "../../runtime/nats_server/server.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const FILES = {
  "schemas/github.ts": `
import { defineEvent } from "weir";
import { z } from "zod";
export const Pushed = defineEvent({
  type: "github.pushed",
  version: 1,
  data: z.object({ repository: z.string(), commits: z.int() }),
  ingress: {
    route: "/webhooks/github",
    signature: { scheme: "github", secret: "GITHUB_SECRET" },
    map: (payload, { headers }) => {
      if (headers.get("x-github-event") === "leak") throw new Error("it was " + headers.get("x-leak"));
      return headers.get("x-github-event") === "push"
        ? { repository: payload.repository.full_name, commits: payload.commits.length }
        : undefined;
    },
  },
});
`,
  "functions/build.ts": `
import { defineFunction } from "weir";
import { Pushed } from "../schemas/github.ts";
export default defineFunction({ on: Pushed }, ({ id, data }, ctx) => ctx.log.info("builds", { event: id, ...data }));
`,
};

const ORDERS = `
import { defineEvent } from "weir";
import { z } from "zod";
const data = z.object({ orderId: z.string() });
export const Ordered = defineEvent({ type: "orders.created", version: 1, data, ingress: { route: "/orders" } });
`;

/** The parts of a push that GitHub sends. */
const PUSH = JSON.stringify({
  ref: "refs/heads/main",
  repository: { id: 35129377, full_name: "octo/hello", private: false },
  pusher: { name: "octo" },
  commits: [{ id: "0d1a26e6", message: "Fix it 🛠" }, { id: "7ad8b1d0", message: "Again" }],
});

Deno.test("a push of GitHub reaches its function once, and a tampered one does not; SIGHUP takes a new secret", async () => {
  await using project = await copyProjectWith(FILES);
  await using server = await startServer();
  const ports = freePorts("PORT", "ADMIN_PORT"), secretFile = `${project.path}/secret`;
  await Deno.writeTextFile(secretFile, "first-secret\n");
  const env = { ...ports, HOST: "127.0.0.1", NATS_URL: server.url, GITHUB_SECRET_FILE: secretFile };
  await using weir = startWeir(project.path, ["start"], env);
  await weir.waitForLog(({ message }) => message === "ready");
  const post = async (delivery: string, secret: string, { event = "push", body = PUSH } = {}) => {
    const signature = createHmac("sha256", secret).update(PUSH).digest("hex");
    const response = await fetch(`http://127.0.0.1:${ports.PORT}/webhooks/github`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-github-delivery": delivery,
        "x-github-event": event,
        "x-leak": secret,
        "x-hub-signature-256": `sha256=${signature}`,
      },
      body,
    });
    return { status: response.status, text: await response.text() };
  };
  const duplicate = ({ text }: { text: string }) => JSON.parse(text).duplicate;

  const first = await post("d-1", "first-secret");
  assert.deepEqual([first.status, duplicate(first)], [202, false], first.text);
  const { event, repository, commits } = await weir.waitForLog(({ message }) => message === "builds");
  assert.deepEqual({ event, repository, commits }, { event: "d-1", repository: "octo/hello", commits: 2 });
  assert.equal(duplicate(await post("d-1", "first-secret")), true);
  assert.equal((await post("d-2", "first-secret", { body: PUSH.replace("octo", "evil") })).status, 401);
  assert.equal((await post("d-3", "first-secret", { event: "star" })).status, 204);

  const reread = () => weir.waitForLog(({ message }) => message === "secrets of webhooks read again");
  await Deno.writeTextFile(secretFile, "first-secret\nsecond-secret\n");
  weir.kill("SIGHUP");
  await reread();
  for (const [delivery, secret] of [["d-4", "first-secret"], ["d-5", "second-secret"]]) {
    assert.equal((await post(delivery, secret)).status, 202);
  }
  assert.equal((await post("d-6", "third-secret")).status, 401);
  assert.equal((await post("d-8", "second-secret", { event: "leak" })).status, 500);
  await weir.waitForLog(({ error }) => JSON.stringify(error ?? "").includes("it was [redacted]"));
  await Deno.writeTextFile(secretFile, "");
  weir.kill("SIGHUP");
  const kept = "the secrets of webhooks cannot be read again: they stay as they were";
  await weir.waitForLog(({ message }) => message === kept);
  assert.equal((await post("d-7", "second-secret")).status, 202);
  weir.kill("SIGTERM");
  assert.equal((await weir.status).code, 0);
  const built = weir.lines.filter((line) => line.includes('"builds"')).map((line) => JSON.parse(line).event);
  assert.deepEqual(built.toSorted(), ["d-1", "d-4", "d-5", "d-7"]);
  assert.ok(!weir.lines.some((line) => /(first|second)-secret/.test(line)));
});

Deno.test("start refuses a webhook without its secret; a process without the ingress needs none", async () => {
  await using project = await copyProjectWith(FILES);
  await using refused = startWeir(project.path, ["start"], { HOST: "127.0.0.1" });
  assert.equal((await refused.status).code, 1);
  assert.deepEqual(JSON.parse(refused.lines.at(-1)!).problems, [
    "GITHUB_SECRET is not set, signs the webhook github.pushed: set it, or GITHUB_SECRET_FILE (schemas/github.ts)",
  ]);
  await using server = await startServer();
  const env = { ...freePorts("PORT", "ADMIN_PORT"), NATS_URL: server.url, WEIR_ROLES: "functions" };
  await using functions = startWeir(project.path, ["start"], env);
  await functions.waitForLog(({ message }) => message === "ready");
});

Deno.test("dev asks for the secret of a webhook, and suggests commands for an event that needs no signature", async () => {
  await using project = await copyProjectWith({ ...FILES, "schemas/orders.ts": ORDERS });
  await using server = await startServer();
  const env = { ...freePorts("PORT", "ADMIN_PORT"), HOST: "127.0.0.1", NATS_URL: server.url };
  await using refused = startWeir(project.path, ["dev"], env);
  assert.match(await refused.waitForLine(/GITHUB_SECRET is not set/), /or GITHUB_SECRET_FILE \(schemas\/github.ts\)/);
  refused.kill("SIGTERM");
  await refused.status;
  await using dev = startWeir(project.path, ["dev"], { ...env, GITHUB_SECRET: "first-secret" });
  assert.match(await dev.waitForLine(/^ {2}ingress/), /\/webhooks\/github/);
  assert.match(await dev.waitForLine(/^ {4}curl -i/), /\/orders /);
});
