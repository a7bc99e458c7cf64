import assert from "node:assert/strict";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { startServer } from "../../runtime/broker/server.ts";
import { eventually } from "../nats/eventually.ts";
import { copyProject, startWeir } from "./program.ts";
import { startTripwire, type TripPoint } from "./tripwire.ts";

const SCHEMAS = `
import { defineEvent, defineStream } from "weir";
import { z } from "zod";
export const DEMO = defineStream({ name: "DEMO", subjects: ["demo.>"], duplicateWindow: "1s" });
export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ what: z.string() }) });
export const Answered = defineEvent({ type: "demo.answered", version: 1, data: z.object({ what: z.string() }) });
`;
const FUNCTION = `
import { defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { Answered, Asked } from "../schemas/demo.ts";
export default defineFunction({
  on: Asked,
  emits: [Answered],
  retry: { attempts: 3, initial: "100ms", jitter: "none" },
  timeout: "2s",
  idempotency: Deno.env.get("INBOX") === "yes",
}, async ({ data }, ctx) => {
  const run = Number(await (await fetch(Deno.env.get("LEDGER")!)).text());
  if (data.what === "rejects") throw new NonRetryableError("never");
  if (run === 1 && data.what === "fails first") throw new Error("not yet");
  if (run === 1 && data.what === "is parked first") throw new RetryAfterError("5s");
  if (run === 1 && data.what === "is parked for longer") throw new RetryAfterError("18s");
  ctx.emit(Answered, data);
});
`;

const EMIT = { subject: "demo\\.answered" };
const ACK = { subject: "\\$JS\\.ACK\\.DEMO\\.\\S+", payload: "+ACK" };
const NAK = { subject: "\\$JS\\.ACK\\.DEMO\\.\\S+", payload: "-NAK" };
const TERM = { subject: "\\$JS\\.ACK\\.DEMO\\.\\S+", payload: "+TERM" };
const COUNTS = { subject: "\\$KV\\.weir_attempts\\.\\S+" };
const LETTER = { subject: "dead_letters\\.\\S+" };
const PARK = { subject: "retries\\.parked\\.\\S+" };
const CLAIM = { subject: "\\$KV\\.weir_inbox\\.\\S+" };
const DONE = { subject: "\\$KV\\.weir_inbox\\.\\S+", payload: 'NATS/1.0\r\nNats-TTL: 604800s\r\n\r\n{"state":"done"' };

interface Row {
  /** What the handler does with the event. */
  readonly what: "succeeds" | "fails first" | "is parked first" | "is parked for longer" | "rejects";
  readonly point: Omit<TripPoint, "when">;
  readonly when: TripPoint["when"];
  readonly inbox?: true;
  /** How often the handler runs in all. */
  readonly runs: number;
}

/** Every moment of settling at which a process can die, and how often the handler then runs at the most. */
const rows: Row[] = [
  { what: "succeeds", point: EMIT, when: "before", runs: 2 },
  { what: "succeeds", point: EMIT, when: "after", runs: 2 },
  { what: "succeeds", point: ACK, when: "before", runs: 2 },
  { what: "succeeds", point: ACK, when: "after", runs: 1 },
  { what: "fails first", point: COUNTS, when: "before", runs: 2 },
  { what: "fails first", point: COUNTS, when: "after", runs: 2 },
  { what: "fails first", point: NAK, when: "before", runs: 2 },
  { what: "fails first", point: NAK, when: "after", runs: 2 },
  { what: "rejects", point: COUNTS, when: "before", runs: 2 },
  { what: "rejects", point: COUNTS, when: "after", runs: 1 }, // from here on its end is decided
  { what: "rejects", point: LETTER, when: "before", runs: 1 },
  { what: "rejects", point: LETTER, when: "after", runs: 1 },
  { what: "rejects", point: TERM, when: "before", runs: 1 },
  { what: "rejects", point: TERM, when: "after", runs: 1 },
  { what: "is parked first", point: PARK, when: "before", runs: 2 },
  { what: "is parked first", point: PARK, when: "after", runs: 3 }, // the parked one and the one never acked
  { what: "is parked first", point: ACK, when: "before", runs: 3 },
  { what: "is parked first", point: ACK, when: "after", runs: 2 },
  { what: "is parked for longer", point: PARK, when: "after", runs: 2 },
  { what: "succeeds", point: CLAIM, when: "after", inbox: true, runs: 1 },
  { what: "succeeds", point: EMIT, when: "after", inbox: true, runs: 2 },
  { what: "succeeds", point: DONE, when: "before", inbox: true, runs: 2 },
  { what: "succeeds", point: DONE, when: "after", inbox: true, runs: 1 },
  { what: "succeeds", point: ACK, when: "before", inbox: true, runs: 1 },
  { what: "is parked first", point: PARK, when: "after", inbox: true, runs: 2 },
];

Deno.test("a process killed at any point of settling loses nothing, and repeats no more than is said", async () => {
  await using project = await copyProject();
  for (const folder of ["functions", "schemas"]) {
    await Deno.remove(`${project.path}/${folder}`, { recursive: true });
    await Deno.mkdir(`${project.path}/${folder}`);
  }
  await Deno.writeTextFile(`${project.path}/schemas/demo.ts`, SCHEMAS);
  await Deno.writeTextFile(`${project.path}/functions/work.ts`, FUNCTION);
  // Together, since each has mostly to wait until JetStream delivers again what was in the killed process.
  const ends = await Promise.all(rows.map(async (row) => [name(row), await crashAt(row, project.path)] as const));
  const wanted = rows.map((row) => {
    const dead = row.what === "rejects" ? 1 : 0;
    return [name(row), { runs: row.runs, answered: 1 - dead, dead }] as const;
  });
  assert.deepEqual(Object.fromEntries(ends), Object.fromEntries(wanted));
});

function name({ what, point, when, inbox }: Row): string {
  return `${what}${inbox ? " (inbox)" : ""}: killed ${when} ${point.payload ?? ""} ${point.subject}`;
}

async function crashAt({ what, point, when, inbox }: Row, project: string) {
  await using server = await startServer();
  let runs = 0;
  await using ledger = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(String(++runs)),
  );
  const env = (url: string) => ({
    PORT: "0",
    ADMIN_PORT: "0",
    HOST: "127.0.0.1",
    NATS_URL: url,
    LEDGER: `http://127.0.0.1:${ledger.addr.port}`,
    INBOX: inbox ? "yes" : "no",
  });
  let kill = () => {};
  await using wire = startTripwire(server.port, { ...point, when }, () => kill());
  await using doomed = startWeir(project, ["start"], env(wire.url));
  kill = () => doomed.kill("SIGKILL");
  await doomed.waitForLog(({ message }) => message === "ready");
  const nc = await connect({ servers: server.url });
  const jsm = await jetstreamManager(nc);
  // JetStream forgets ids long before a killed process's messages come again: it is not what keeps them from doubling.
  await jsm.streams.update("DEAD_LETTERS", { duplicate_window: 1e9 });
  nc.publish("demo.asked", JSON.stringify({ what }));
  await wire.tripped;
  await doomed.status;

  await using successor = startWeir(project, ["start"], env(server.url));
  await successor.waitForLog(({ message }) => message === "ready");
  await eventually(() => isQuiet(jsm), { within: 60_000 });
  const { state } = await jsm.streams.info("DEMO", { subjects_filter: "demo.answered" });
  const dead = (await jsm.streams.info("DEAD_LETTERS")).state.messages;
  await nc.close();
  successor.kill("SIGTERM");
  await successor.status;
  return { runs, answered: state.subjects?.["demo.answered"] ?? 0, dead };
}

/** Nothing waits, nothing is unsettled, nothing is parked. */
async function isQuiet(jsm: JetStreamManager): Promise<boolean> {
  for (const stream of ["DEMO", "RETRIES"]) {
    const { num_pending, num_ack_pending } = await jsm.consumers.info(stream, "work");
    if (num_pending + num_ack_pending > 0) return false;
  }
  return (await jsm.streams.info("RETRIES")).state.messages === 0;
}
