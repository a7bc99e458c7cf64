import assert from "node:assert/strict";
import { headers } from "@nats-io/transport-node";
import { defineEvent, defineFunction } from "weir";
import { loadEvent, type RecordedEvent, startTestRuntime } from "weir/testing";
import { z } from "zod";
import { decode, type Decoded } from "../../runtime/core/cloudevent.ts";
import { HeaderList } from "../../runtime/core/headers.ts";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startCommands } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { copyProject } from "../support/project.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int(), email: z.string() }) });
const UTF8 = new TextEncoder();

/** Decodes a recorded event as a runtime does. */
function asEvent({ stream, sequence, subject, time, headers, payload }: RecordedEvent): Decoded {
  return decode({
    stream,
    sequence,
    subject,
    deliveryCount: 1,
    storedAtMs: Date.parse(time),
    payload,
    headers: new HeaderList(Object.entries(headers)),
    history: { attempts: 0, excusedDeliveries: 0, redrives: 0 },
    messageKey: "",
    ackSubject: new Uint8Array(),
  });
}

Deno.test("events record copies an event from its stream so that a test can replay it", async (t) => {
  const seen: unknown[] = [];
  const watch = defineFunction({ on: "demo.>" }, (event) => void seen.push(event));
  const refuses = defineFunction({ on: Asked }, () => {});
  await using project = await copyProject();
  await using runtime = await startTestRuntime({ functions: { watch }, schemas: [Asked] });
  const nc = await connectNats({ servers: [runtime.server.url], name: "test" });
  const folder = await Deno.makeTempDir();
  await using scope = new AsyncDisposableStack();
  scope.defer(() => nc.close());
  scope.defer(() => Deno.remove(folder, { recursive: true }));
  let files = 0;
  await using commands = await startCommands(project.path, runtime.server.url);
  const weir = (...args: string[]) => commands("events", "record", ...args);
  const recordToFile = async (...args: string[]) => {
    const out = `${folder}/fixtures/${++files}.json`;
    const { code, text } = await weir(...args, "--out", out);
    assert.equal(code, 0, text);
    return { event: await loadEvent(out), out, text };
  };

  await t.step("an event without headers is copied byte for byte, and decodes to the same event", async () => {
    nc.publish("demo.plain", '{ "n": 1.0 }');
    await eventually(() => seen.length === 1);
    const { event, text } = await recordToFile("demo.plain");
    assert.equal(new TextDecoder().decode(event.payload), '{ "n": 1.0 }');
    assert.deepEqual({ ...event.headers }, {});
    assert.deepEqual(asEvent(event), { kind: "event", withoutId: true, event: seen[0] });
    assert.match(text, /^recorded demo\.plain, DEMO 1, in .*\nall of its data is in the file: --redact PATH removes/);
  });

  await t.step(
    "a structured CloudEvent and binary data decode to the same event",
    async () => {
      const envelope = { specversion: "1.0", id: "s1", type: "demo.structured", source: "/shop", data: { n: 2 } };
      const hdrs = headers();
      hdrs.set("content-type", "application/cloudevents+json");
      hdrs.set("traceparent", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`);
      nc.publish("demo.structured", JSON.stringify(envelope), { headers: hdrs });
      await eventually(() => seen.length === 2);
      const structured = (await recordToFile("demo.*", "--sequence", "2")).event;
      assert.deepEqual(asEvent(structured), { kind: "event", withoutId: false, event: seen[1] });
      assert.equal(structured.headers.traceparent, `00-${"a".repeat(32)}-${"b".repeat(16)}-01`);

      const binary = headers();
      binary.set("content-type", "application/octet-stream");
      nc.publish("demo.binary", new Uint8Array([0, 255, 128]), { headers: binary });
      await eventually(() => seen.length === 3);
      const bytes = (await recordToFile("demo.binary", "--last")).event;
      assert.deepEqual(bytes.payload, new Uint8Array([0, 255, 128]));
      assert.deepEqual(asEvent(bytes), { kind: "event", withoutId: true, event: seen[2] });
    },
  );

  await t.step("--id finds an event; a plain message has its stream and sequence as id", async () => {
    for (const n of [1, 2, 3]) await runtime.publish(Asked, { n, email: "ada@example.com" }, { id: `asked-${n}` });
    const { event } = await recordToFile("demo.asked", "--id", "asked-2");
    assert.deepEqual(JSON.parse(new TextDecoder().decode(event.payload)).n, 2);
    assert.equal((await recordToFile("demo.plain", "--id", "DEMO:1")).event.sequence, 1);
    const { code, text } = await weir("demo.asked", "--id", "asked-9");
    assert.deepEqual([code, text], [
      1,
      'weir: stream DEMO has no "demo.asked" with the id "asked-9": use --sequence if its headers contain no id',
    ]);
  });

  await t.step("--redact replaces values, and records nothing if a path matches nothing", async () => {
    const { event, text } = await recordToFile("demo.asked", "--redact", "email");
    assert.equal(new TextDecoder().decode(event.payload), '{"n":3,"email":"[redacted]"}');
    assert.doesNotMatch(text, /all of its data/);
    assert.match(text, /no schema of the project checked "\[redacted\]"/);
    const wrong = await weir("demo.asked", "--redact", "emial");
    assert.deepEqual([wrong.code, wrong.text], [
      1,
      'weir: its data has nothing at emial: did you mean "email"?; nothing was recorded',
    ]);
  });

  await t.step("the event goes to standard output; --out overwrites a file only with --force", async () => {
    const { code, text } = await weir("demo.asked");
    assert.equal(code, 0);
    assert.equal(JSON.parse(text).data.n, 3);
    const { out } = await recordToFile("demo.plain");
    const before = await Deno.readTextFile(out);
    const refused = await weir("demo.asked", "--out", out);
    assert.deepEqual([refused.code, refused.text], [1, `weir: ${out} exists already: --force overwrites it`]);
    assert.equal(await Deno.readTextFile(out), before);
    assert.equal((await weir("demo.asked", "--out", out, "--force")).code, 0);
    assert.equal((await loadEvent(out)).subject, "demo.asked");
  });

  await t.step("--dead-letter restores the original event of a dead letter", async () => {
    await using other = await startTestRuntime({ functions: { refuses }, server: runtime.server });
    const hdrs = headers();
    hdrs.set("Nats-Msg-Id", "own-id");
    hdrs.set("x-note", "kept");
    nc.publish("demo.asked", '{"n":"one"}', { headers: hdrs });
    await other.waitForDeadLetter("refuses");
    const { event } = await recordToFile("--dead-letter", "1");
    const original = (await recordToFile("demo.asked")).event;
    assert.deepEqual(event, original);
    assert.deepEqual(event.payload, UTF8.encode('{"n":"one"}'));
    assert.deepEqual({ ...event.headers }, { "Nats-Msg-Id": "own-id", "x-note": "kept" });
    const { code, text } = await weir("--dead-letter", "99");
    assert.deepEqual([code, text], [1, "weir: there is no dead letter 99: `deno task dead-letters list` shows all"]);
  });

  await t.step("wrong arguments are refused with a fix", async () => {
    const cases: [args: string[], code: number, message: RegExp][] = [
      [["demo.aksed"], 1, /stream DEMO has no "demo\.aksed": did you mean "demo\.asked"\?/],
      [["never.stored"], 1, /no stream stores "never\.stored"/],
      [["demo.asked", "--sequence", "1"], 1, /event 1 of stream DEMO is of type "demo\.plain", not "demo\.asked"/],
      [["demo.asked", "--sequence", "77"], 1, /stream DEMO has no event 77/],
      [["demo..asked"], 64, /"demo\.\.asked" is not an event's type: it has an empty token/],
      [[], 64, /record which event\? name its type, or --dead-letter/],
      [["demo.asked", "--dead-letter", "1"], 64, /--dead-letter names one event: leave out the type/],
    ];
    for (const [args, code, message] of cases) {
      const answer = await weir(...args);
      assert.equal(answer.code, code, answer.text);
      assert.match(answer.text, message);
    }
  });
});
