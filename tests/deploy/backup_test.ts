import assert from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { type NatsServer, startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { DEPLOY } from "./views_files.ts";

const Placed = defineEvent({ type: "backup.placed", version: 1, data: z.object({ n: z.int() }) });

async function backup(server: NatsServer, ...args: string[]) {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", `${DEPLOY}nats/backup.ts`, ...args],
    env: { NATS_URL: server.url, NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output(), decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

async function withNats<Result>(server: NatsServer, use: (nc: NatsConnection) => Promise<Result>): Promise<Result> {
  const nc = await connectNats({ servers: [server.url], name: "test" });
  return await use(nc).finally(() => nc.close());
}

function messagesOf(server: NatsServer, stream: string): Promise<number> {
  return withNats(server, async (nc) => (await (await jetstreamManager(nc)).streams.info(stream)).state.messages);
}

Deno.test("backup.ts saves streams with what waits, and a new server goes on from there", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-backup-" });
  try {
    await using lost = await startServer();
    const handled: number[] = [];
    const count = defineFunction(
      { on: Placed, retry: { initial: "1h", max: "1h", jitter: "none" } },
      async (event, ctx) => {
        if (event.data.n === 7 && handled.length <= 30) throw new Error("later"); // waits in RETRIES
        handled.push(event.data.n);
        await ctx.kv<number>("seen").put(String(event.data.n), 1);
      },
    );
    await using before = await startTestRuntime({ functions: { count }, server: lost });
    for (let n = 0; n < 30; n++) await before.publish(Placed, { n });
    await eventually(() => handled.length === 29);
    await eventually(async () => await messagesOf(lost, "RETRIES") === 1);
    await before.stop();
    await withNats(lost, async (nc) => {
      for (let n = 30; n < 50; n++) await jetstream(nc).publish("backup.placed", JSON.stringify({ n }));
    });

    const saved = await backup(lost, "save", folder);
    assert.equal(saved.code, 0, saved.text);
    assert.match(saved.text, /^BACKUP: 50 messages saved\n(.*\n)*RETRIES: 1 messages saved/m);
    await lost.stop();

    await using server = await startServer();
    const restored = await backup(server, "restore", folder);
    assert.equal(restored.code, 0, restored.text);
    assert.match(restored.text, /BACKUP: 50 messages restored/);
    const again = await backup(server, "restore", folder);
    assert.equal(again.code, 1);
    assert.match(again.text, /nothing was restored: .*BACKUP.* exist already/);

    handled.length = 0;
    await using after = await startTestRuntime({ functions: { count }, server });
    await eventually(() => handled.length === 20);
    assert.deepEqual(handled.toSorted((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i + 30));
    assert.equal(await messagesOf(server, "RETRIES"), 1);
    assert.equal((await after.kv<number>("seen").get("3"))?.value, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
