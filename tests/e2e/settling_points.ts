import assert from "node:assert/strict";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { defineEvent, defineFunction, defineStream, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { copyProjectWith, removeName } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";
import { startTripwire, type TripPoint } from "./tripwire.ts";

const DEMO = defineStream({ name: "DEMO", subjects: ["demo.>"], duplicateWindow: "10s" });
const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ what: z.string() }) });
const Answered = defineEvent({ type: "demo.answered", version: 1, data: z.object({ what: z.string() }) });

/**
 * Returns the function, which settles an event in the way that the event names. Its text is the function's file too, so
 * that the process that ends at a point and its successor in the test's own process run the same.
 *
 * @param ledger URL whose response is the number of the run.
 */
function workOf(ledger: string, idempotency: boolean) {
  return defineFunction({
    on: Asked,
    emits: [Answered],
    retry: { attempts: 3, initial: "100ms", jitter: "none" },
    timeout: idempotency ? "5s" : "1m", // the claim of a dead process ends 15 s later
    idempotency,
  }, async ({ data }, ctx) => {
    const run = Number(await (await fetch(ledger)).text());
    if (data.what === "rejects") throw new NonRetryableError("never");
    if (run === 1 && data.what === "fails first") throw new Error("not yet");
    if (run === 1 && data.what === "is delayed first") throw new RetryAfterError("5s");
    // Longer than the ack wait and the start of a successor on a loaded machine: the original is redelivered first.
    if (run === 1 && data.what === "is delayed for longer") throw new RetryAfterError("45s");
    ctx.emit(Answered, data, data.what === "emits later" ? { delay: "1s", key: "answer" } : {});
  });
}

const SCHEMAS = `
import { defineEvent, defineStream } from "weir";
import { z } from "zod";
export const DEMO = defineStream({ name: "DEMO", subjects: ["demo.>"], duplicateWindow: "10s" });
export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ what: z.string() }) });
export const Answered = defineEvent({ type: "demo.answered", version: 1, data: z.object({ what: z.string() }) });
`;
const FUNCTION = `
import { defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { Answered, Asked } from "../schemas/demo.ts";
${workOf}
export default workOf(Deno.env.get("LEDGER")!, Deno.env.get("IDEMPOTENCY") === "yes");
`;

/** Messages that the process publishes while it settles an event, in that order. */
export const EMIT = { subject: "demo\\.answered" };
export const ACK = { subject: "\\$JS\\.ACK\\.DEMO\\.\\S+", payload: "+ACK" };
export const NAK = { subject: "\\$JS\\.ACK\\.DEMO\\.\\S+", payload: "-NAK" };
export const TERM = { subject: "\\$JS\\.ACK\\.DEMO\\.\\S+", payload: "+TERM" };
export const COUNTS = { subject: "\\$KV\\.weir_attempts\\.\\S+" };
export const LETTER = { subject: "dead_letters\\.\\S+" };
export const DELAY = { subject: "retries\\.delayed\\.\\S+" };
export const LATER = { subject: "retries\\.events\\.\\S+" };
export const DUE_ACK = { subject: "\\$JS\\.ACK\\.RETRIES\\.\\S+", payload: "+ACK" };
export const CLAIM = { subject: "\\$KV\\.weir_inbox\\.\\S+" };
export const DONE = {
  subject: "\\$KV\\.weir_inbox\\.\\S+",
  payload: 'NATS/1.0\r\nNats-TTL: 604800s\r\n\r\n{"state":"done"',
};

/** A point of settling, and what the handler does with the event. */
export interface Moment {
  readonly what: "succeeds" | "fails first" | "is delayed first" | "is delayed for longer" | "rejects" | "emits later";
  readonly point: Omit<TripPoint, "when">;
  readonly when: TripPoint["when"];
  /** True for a function with `idempotency`. */
  readonly idempotency?: true;
}

/** Rows of a table that run at a time. Each has a nats-server and a process, and mostly waits. */
export const ROWS_AT_ONCE = 9;

/** Creates a project with one function that settles in every way. */
export async function settlingProject(): Promise<{ path: string } & AsyncDisposable> {
  const project = await copyProjectWith({ "schemas/demo.ts": SCHEMAS, "functions/work.ts": FUNCTION });
  await removeName(project.path); // the successor has none
  return project;
}

/**
 * Runs a process up to that point, calls `act` on it, and runs a successor in this process until everything is settled.
 *
 * @returns the number of handler runs, of answers and of dead letters, and the exit code of the first process
 */
export async function actAt(
  { what, point, when, idempotency }: Moment,
  project: string,
  act: (program: Program) => unknown,
): Promise<{ runs: number; answered: number; dead: number; code: number }> {
  await using server = await startServer();
  let runs = 0;
  await using ledger = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(String(++runs)),
  );
  const ledgerUrl = `http://127.0.0.1:${ledger.addr.port}`;
  let first: Program | undefined;
  await using wire = startTripwire(server.port, { ...point, when }, () => act(first!));
  await using program = first = startWeir(project, ["start"], {
    PORT: "0",
    ADMIN_PORT: "0",
    HOST: "127.0.0.1",
    NATS_URL: wire.url,
    LEDGER: ledgerUrl,
    IDEMPOTENCY: idempotency ? "yes" : "no",
  });
  await program.waitForLog(({ message }) => message === "ready");
  const nc = await connect({ servers: server.url });
  const jsm = await jetstreamManager(nc);
  // Shorter than the ack wait of 15 s: after a redelivery JetStream itself drops no duplicates. Longer than the 8 s for
  // which a publish is retried while a loaded machine does not answer.
  await jsm.streams.update("DEAD_LETTERS", { duplicate_window: 10e9 });
  nc.publish("demo.asked", JSON.stringify({ what }));
  await wire.tripped;
  const { code } = await program.status;

  const work = workOf(ledgerUrl, idempotency === true);
  await using successor = await startTestRuntime({ functions: { work }, schemas: [DEMO], server });
  await eventually(async () => {
    const left = await unsettled(jsm);
    assert.deepEqual(left, QUIET, Deno.inspect([left, successor.settled], { depth: 5 }));
    return true;
  });
  const { state } = await jsm.streams.info("DEMO", { subjects_filter: "demo.answered" });
  const dead = (await jsm.streams.info("DEAD_LETTERS")).state.messages;
  await nc.close();
  return { runs, answered: state.subjects?.["demo.answered"] ?? 0, dead, code };
}

const QUIET = { DEMO: [0, 0], RETRIES: [0, 0], delayed: 0 };

/** Returns the events that are pending and unsettled, by stream, and those that are delayed. */
async function unsettled(jsm: JetStreamManager): Promise<typeof QUIET> {
  const counts = async (stream: string) => {
    const { num_pending, num_ack_pending } = await jsm.consumers.info(stream, "work");
    return [num_pending, num_ack_pending];
  };
  const { messages: delayed } = (await jsm.streams.info("RETRIES")).state;
  return { DEMO: await counts("DEMO"), RETRIES: await counts("RETRIES"), delayed };
}
