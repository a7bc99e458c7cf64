import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { defineEvent, defineFunction, NonRetryableError } from "weir";
import { startTestRuntime, type TestRuntime } from "weir/testing";
import { z } from "zod";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { type NatsServer, startServer } from "../../runtime/nats_server/server.ts";
import { testsAtOnce } from "../support/at_once.ts";
import { eventually } from "../support/eventually.ts";
import { valueOf } from "../support/metrics_page.ts";
import { copyProjectWith } from "../support/project.ts";
import { startReadyWeir } from "../support/weir_process.ts";

const test = testsAtOnce("shared breaker", 3);

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

/** Starts replicas of one function. It calls a dependency that is down until the test says otherwise. */
async function startReplicas(count: number, openFor: "1s" | "1h", config = "", env: Record<string, string> = {}) {
  const stack = new AsyncDisposableStack(), server = stack.use(await startServer({ config }));
  const state = { isDown: true, givesUp: false, calls: 0, handled: new Set<number>() };
  const options = {
    on: Asked,
    retry: { initial: "5ms", max: "10ms" },
    dependencies: { Backend: { consecutiveFailures: 1, openFor, shared: true } },
  } as const;
  const calling = defineFunction(options, async ({ data: { n } }, ctx) => {
    try {
      await ctx.dependency("Backend").call(() => {
        if (!state.isDown) return;
        state.calls++;
        throw new Error("down");
      });
    } catch (error) {
      throw state.givesUp ? new NonRetryableError("given up") : error;
    }
    state.handled.add(n);
  });
  const replicas: TestRuntime[] = [];
  for (let i = 0; i < count; i++) {
    replicas.push(stack.use(await startTestRuntime({ functions: { calling }, server, env })));
  }
  return { server, replicas, state, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Returns the state of the dependency's breaker in each replica. */
async function statesOf(replicas: readonly TestRuntime[]): Promise<string[]> {
  return await Promise.all(replicas.map(async ({ adminUrl }) => {
    const [{ dependencies }] = await (await fetch(`${adminUrl}/functions`)).json();
    return dependencies.Backend;
  }));
}

/** Returns how often the breaker became half open, over all replicas. */
async function halfOpened(replicas: readonly TestRuntime[]): Promise<number> {
  const labels = { of: "dependency", name: "Backend", to: "half-open" };
  const pages = await Promise.all(replicas.map(async ({ adminUrl }) => (await fetch(`${adminUrl}/metrics`)).text()));
  return pages.reduce((sum, page) => sum + (valueOf(page, "weir_breaker_changes_total", labels) ?? 0), 0);
}

test("shared breaker opens in three replicas when it opens in one, probes once for all, and closes in all", async () => {
  await using weir = await startReplicas(3, "1s");
  const { replicas, state } = weir;
  state.givesUp = true; // so that no other replica handles the event
  await replicas[0].publish(Asked, { n: 0 });
  await eventually(async () => (await statesOf(replicas)).every((kind) => kind !== "closed"));
  assert.equal(state.calls, 1);
  state.givesUp = false;
  for (let n = 1; n <= 30; n++) await replicas[0].publish(Asked, { n });
  await eventually(() => state.calls >= 4);
  state.isDown = false;
  await eventually(async () => (await statesOf(replicas)).every((kind) => kind === "closed"));
  await eventually(() => state.handled.size === 30);
  // The first call opened it, each later one that failed was the probe of a time that it was half open, and the last
  // probe passed.
  assert.equal(state.calls, 1 + (await halfOpened(replicas) - 1));
});

test("shared breaker is open in a replica that starts while it is open", async () => {
  await using weir = await startReplicas(1, "1h");
  const { replicas: [first], state, server } = weir;
  await first.publish(Asked, { n: 0 });
  await eventually(async () => (await statesOf([first]))[0] === "open");
  const late = defineFunction({
    on: Asked,
    dependencies: { Backend: { consecutiveFailures: 1, openFor: "1h", shared: true } },
  }, () => {});
  await using second = await startTestRuntime({ functions: { calling: late }, server });
  assert.deepEqual([await statesOf([second]), state.calls], [["open"], 1]);
});

test("shared breaker follows the bucket if its NATS user may not use the subject of the notices", async () => {
  const denied = '{ publish: { deny: ["$WEIR.breakers"] }, subscribe: { deny: ["$WEIR.breakers"] } }';
  const users = `{ user: weir, password: secret, permissions: ${denied} }, { user: all, password: secret }`;
  const config = `authorization { users: [${users}] }\nno_auth_user: all`;
  await using weir = await startReplicas(2, "1h", config, { NATS_USER: "weir", NATS_PASSWORD: "secret" });
  const { replicas, state } = weir;
  state.givesUp = true; // so that no other replica handles the event
  await replicas[0].publish(Asked, { n: 0 });
  await eventually(async () => (await statesOf(replicas)).every((kind) => kind === "open"));
  assert.equal(state.calls, 1);
});

/** Lets the bucket refuse every write, or take them again. */
async function refuseWrites(server: NatsServer, refuses: boolean): Promise<void> {
  const nc = await connectNats({ servers: [server.url], name: "test" }), jsm = await jetstreamManager(nc);
  await jsm.streams.update("KV_weir_breakers", { max_msg_size: refuses ? 1 : -1 });
  await nc.close();
}

test("shared breaker goes by its replica while its bucket fails, says so, and is shared again", async () => {
  await using weir = await startReplicas(2, "1h");
  const { replicas, server } = weir;
  await refuseWrites(server, true);
  await replicas[0].publish(Asked, { n: 0 });
  const reports = async () =>
    await Promise.all(replicas.map(async ({ url }) => {
      const response = await fetch(`${url}/health`), { degraded } = await response.json();
      assert.equal(response.status, 200);
      return degraded?.["breaker of dependency Backend"] as string | undefined;
    }));
  const [report] = await eventually(async () => {
    const found = (await reports()).filter((one) => one?.includes("not shared"));
    return found.length > 0 ? found : undefined;
  });
  assert.match(report!, /^open; it is not shared, each process opens and probes by itself: bucket weir_breakers: /);
  // The other one handles the event next, and opens by itself as well.
  await eventually(async () => (await reports()).every((one) => one?.includes("not shared")));
  for (const { adminUrl } of replicas) {
    const page = await (await fetch(`${adminUrl}/metrics`)).text();
    assert.equal(valueOf(page, "weir_breaker_local", { of: "dependency", name: "Backend" }), 1);
    const [{ notShared }] = await (await fetch(`${adminUrl}/functions`)).json();
    assert.match(notShared["dependency Backend"], /^it is not shared, /);
  }
  await refuseWrites(server, false);
  await eventually(async () => (await reports()).every((one) => one === "open"));
});

const SCHEMA = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
`;
const functionOn = (url: string) => `
import { defineFunction } from "weir";
import { Asked } from "../schemas/demo.ts";
const dependencies = { Backend: { consecutiveFailures: 1, openFor: "1s", shared: true } } as const;
export default defineFunction({ on: Asked, timeout: "5m", dependencies }, async ({ data }, ctx) => {
  await ctx.dependency("Backend").call(async (signal) => {
    const answer = await fetch("${url}?pid=" + Deno.pid, { signal });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error("down");
  });
  ctx.log.info("handled", { n: data.n });
});
`;

test("[G4] shared breaker gives the probe of a replica that is killed with it to another, and loses no event", async () => {
  const hanging = Promise.withResolvers<Response>(), probes: number[] = [];
  let answer: (pid: number) => Response | Promise<Response> = () => new Response("", { status: 500 });
  await using backend = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    ({ url }) => answer(Number(new URL(url).searchParams.get("pid"))),
  );
  await using server = await startServer();
  const text = functionOn(`http://127.0.0.1:${backend.addr.port}/`);
  await using project = await copyProjectWith({ "schemas/demo.ts": SCHEMA, "functions/calling.ts": text });
  await using first = await startReadyWeir(project.path, server.url);
  await using second = await startReadyWeir(project.path, server.url);
  await using third = await startReadyWeir(project.path, server.url);
  const replicas = [first, second, third];
  const nc = await connectNats({ servers: [server.url], name: "test" });
  const jsm = await jetstreamManager(nc), js = jsm.jetstream();
  await js.publish("demo.asked", '{"n":0}');
  for (const { waitForLog } of replicas) {
    await waitForLog(({ message }) => /^breaker of dependency Backend opened/.test(message));
  }
  answer = (pid) => {
    probes.push(pid);
    return hanging.promise;
  };
  for (let n = 1; n < 6; n++) await js.publish("demo.asked", JSON.stringify({ n }));
  const [holder] = await eventually(() => probes.length > 0 ? probes : undefined);
  const writes = async () => (await jsm.streams.info("KV_weir_breakers")).state.last_seq, before = await writes();
  await eventually(async () => await writes() >= before + 2); // the lease was renewed, since the probe goes on
  const isShared = replicas.every(({ lines }) => !lines.some((line) => line.includes("is not shared")));
  assert.ok(probes.length === 1 || !isShared, `${probes.length} replicas probe at once`);
  await nc.close();
  answer = () => new Response("");
  const killed = replicas.find(({ pid }) => pid === holder)!, others = replicas.filter((one) => one !== killed);
  killed.kill("SIGKILL");
  await killed.status;
  hanging.resolve(new Response(""));
  for (const { waitForLog } of others) {
    await waitForLog(({ message }) => /^breaker of dependency Backend is closed/.test(message));
  }
  const handled = () =>
    new Set(others.flatMap(({ lines }) => lines.flatMap((line) => /"handled".*"n":(\d)/.exec(line)?.[1] ?? [])));
  await eventually(() => handled().size === 6);
});
