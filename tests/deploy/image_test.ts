/** Builds the image from `deploy/Dockerfile` and runs it with the least rights. It takes minutes, root and buildah. */
import assert from "node:assert/strict";
import { spawnChild } from "../../runtime/nats_server/child_process.ts";
import { findServer } from "../../runtime/nats_server/find.ts";
import { run } from "../../runtime/nats_server/run.ts";
import { eventually } from "../support/eventually.ts";
import { DEPLOY } from "./views_files.ts";

const IMAGE = "weir:test", WITHIN_MS = 600_000;
const missing = await whyNot();
if (missing) console.warn(`tests/deploy: skipped the test of the image: ${missing}`);

async function whyNot(): Promise<string | undefined> {
  if (!Deno.env.get("WEIR_IMAGE")) return "it takes minutes; WEIR_IMAGE=1 runs it";
  if (Deno.uid() !== 0) return "it needs root";
  for (const tool of ["buildah", "debootstrap", "unshare", "nsenter"]) {
    if (!await run(tool, ["--version"]).then(() => true, () => false)) return `it needs ${tool}`;
  }
}

Deno.test({
  name: "deploy/Dockerfile gives an image that handles orders with a read-only root, no rights and no network",
  ignore: missing !== undefined,
  fn: buildAndRun,
});

async function buildAndRun(t: Deno.TestContext): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "weir-image-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const script = (name: string, ...args: string[]) => ({
    command: "sh",
    args: [`${DEPLOY}image/${name}`, IMAGE, ...args],
    env: { WEIR_BUILD_DIR: folder },
  });

  await t.step("build_on_debian.sh builds it", async () => {
    const lines: string[] = [], log = (line: string) => void lines.push(line);
    const { code } = await spawnChild({ ...script("build_on_debian.sh"), stdout: log, stderr: log }).status;
    assert.equal(code, 0, lines.slice(-20).join("\n"));
  });

  // A network with nothing but loopback, in which NATS and the payment service run beside the container.
  const network = stack.use(spawnChild({
    command: "unshare",
    args: ["--net", "sh", "-c", "ip link set lo up && exec sleep infinity"],
  }));
  const inside = (command: string, ...args: string[]) => ({
    command: "nsenter",
    args: [`--target=${network.pid}`, "--net", command, ...args],
  });
  await eventually(() =>
    run("nsenter", inside("ip", "-br", "addr", "show", "up").args).then((up) => /127\.0/.test(up))
  );
  stack.use(spawnChild(inside(await findServer(), "-js", "-sd", `${folder}/nats`, "-a", "127.0.0.1")));
  const payment = `${DEPLOY}../functions/_dev/payment_service.ts`;
  stack.use(spawnChild(inside(Deno.execPath(), "run", "-A", "--config", `${DEPLOY}../deno.json`, payment)));

  const lines: string[] = [], says = (text: string) => lines.some((line) => line.includes(text));
  const started = script("run_on_debian.sh", "WEIR_API_KEYS=demo:demo-secret:orders.>");
  const env = { ...started.env, NETWORK_OF: String(network.pid) };
  const log = (line: string) => void lines.push(line);
  const container = stack.use(spawnChild({ ...started, env, stdout: log, stderr: log }));
  await eventually(() => says('"ready"'), { within: WITHIN_MS });

  const curl = (...args: string[]) => run("nsenter", inside("curl", "--silent", "--show-error", ...args).args);
  await t.step("it accepts an order, and handles it to its end", async () => {
    const order = { orderId: "o1", items: [{ sku: "book", quantity: 2 }], total: 2_400 };
    const headers = ["-H", "authorization: Bearer demo-secret", "-H", "content-type: application/json"];
    const answer = await curl(...headers, "-d", JSON.stringify(order), "http://127.0.0.1:8000/orders");
    assert.equal(JSON.parse(answer).stream, "ORDERS", answer);
    await eventually(() => says("order confirmed"));
  });

  await t.step("it answers the probes, and its health check", async () => {
    for (const probe of ["live", "ready"]) {
      assert.equal(JSON.parse(await curl(`http://127.0.0.1:9090/health/${probe}`)).status, "OK");
    }
    const file = await Deno.readTextFile(`${DEPLOY}Dockerfile`);
    const [, check] = /CMD \["bash", "-c", \\\n\s*(".*")\]/.exec(file)!;
    await run("nsenter", inside("env", "ADMIN_PORT=9090", "bash", "-c", JSON.parse(check)).args);
    await assert.rejects(run("nsenter", inside("env", "ADMIN_PORT=9091", "bash", "-c", JSON.parse(check)).args));
  });

  await t.step("SIGTERM ends it with 0", async () => {
    // unshare is the container's process here, and tini its only child.
    const [tini] = (await Deno.readTextFile(`/proc/${container.pid}/task/${container.pid}/children`)).trim().split(" ");
    Deno.kill(Number(tini), "SIGTERM");
    assert.deepEqual(await container.status, { code: 0, signal: null }, lines.join("\n"));
    assert.ok(says('"stopped"'));
  });
}
