import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../core/namespace.ts";
import type { Log } from "../api/context.ts";
import { serverTime } from "../nats/client/server_time.ts";
import { expiredWarnings, removedWarnings } from "../nats/impact/expiring_events.ts";
import { forgottenWarnings } from "../nats/impact/forgotten_events.ts";
import { readSample, type Sample } from "../nats/impact/read_sample.ts";
import { deadLetterPlace, type Place, refusedWarnings, retryPlace, waitingIn } from "../nats/impact/refused_events.ts";
import { renamedWarnings } from "../nats/impact/renamed.ts";
import { changedStreams, strandedEvents, strandedWarnings } from "../nats/impact/stranded_events.ts";
import { type WaitingEvents, waitingEvents } from "../nats/impact/waiting_events.ts";
import { planUndeclared } from "../nats/topology/plan_undeclared.ts";
import type { Step } from "../nats/topology/step.ts";
import type { Registry } from "../project/registry.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { TopologyKeeper } from "./topology_keeper.ts";

interface Reader {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  /** The names in NATS. Default: without a namespace. */
  readonly names?: Namespace;
}

/** Number of functions that are checked at once. It bounds the requests, and the payloads in memory. */
const CONCURRENCY = 4;

/**
 * Returns warnings of what a release does to events that wait. Functions may refuse them, or take them as too old. They
 * may be left in the former stream of their type, a lower limit of a stream may remove them, or a renamed function may
 * handle them again. Changes nothing.
 *
 * @param functions The functions of the plan.
 */
export async function changeWarnings(
  reader: Reader,
  functions: readonly ResolvedFunction[],
  steps: readonly Step[],
): Promise<string[]> {
  const { names = NO_NAMESPACE } = reader,
    waiting = await waitingEvents(reader.jsm, steps, names),
    found = new Map<string, readonly string[]>();
  const existing = new Set(
    steps.filter(({ what, kind }) => what === "stream" && (kind === "same" || kind === "update")).map(({ name }) =>
      name
    ),
  );
  for (let at = 0; at < functions.length; at += CONCURRENCY) {
    await Promise.all(
      functions.slice(at, at + CONCURRENCY).map(async (fn) => {
        const own = waiting.filter(({ functionName }) => functionName === fn.name);
        found.set(fn.name, await ofFunction(reader, fn, own, existing));
      }),
    );
  }
  const removed = await removedWarnings(reader, steps, waiting);
  const listening = functions.flatMap(({ name: functionName, triggers }) =>
    triggers.map(({ pattern, stream }) => ({ functionName, pattern, stream: names.stream(stream) }))
  );
  const stranded = await strandedEvents(reader.nc, changedStreams(steps, listening, names), waiting);
  return [
    ...renamedWarnings(steps, names),
    ...strandedWarnings(stranded),
    ...functions.flatMap(({ name }) => found.get(name) ?? []),
    ...removed,
  ];
}

/**
 * Logs warnings about consumers that a start has created and that begin with stored events. It reads no event. A
 * process that lacks the permission to list the consumers of all streams logs that, and starts.
 */
export async function logNewFunctions(
  reader: Reader,
  { functions }: Pick<Registry, "functions">,
  { begun, desired }: Pick<TopologyKeeper, "begun" | "desired">,
  log: Log,
): Promise<void> {
  try {
    const waiting = await waitingEvents(reader.jsm, begun, reader.names);
    if (waiting.length === 0) return;
    const names = functions.map(({ name }) => name);
    const undeclared = await planUndeclared(reader.nc, reader.jsm, desired, names);
    const old = waiting.map((one) => {
      return expiredWarnings(reader, functions.find(({ name }) => name === one.functionName)!, one);
    });
    const warnings = [...renamedWarnings([...begun, ...undeclared], reader.names), ...(await Promise.all(old)).flat()];
    for (const warning of warnings) log.warn(warning);
  } catch (error) {
    log.info("what new functions begin with is not checked", { error });
  }
}

async function ofFunction(
  reader: Reader,
  fn: ResolvedFunction,
  waiting: readonly WaitingEvents[],
  streams: ReadonlySet<string>,
): Promise<readonly string[]> {
  const warnings: string[] = [], { names = NO_NAMESPACE } = reader, { retries, deadLetters } = names;
  let count = 0;
  const check = async (place: Place, subject: string, from?: number) => {
    const sample = await readSample(reader, { stream: place.stream, subject, from });
    count += sample.total ?? sample.messages.length;
    warnings.push(...refusedWarnings(fn, place, sample, await timeOf(reader, place.stream, sample)));
  };
  for (const one of waiting) {
    for (const subject of one.filters) await check(waitingIn(one.stream, names), subject, one.from);
    warnings.push(...await expiredWarnings(reader, fn, one));
  }
  if (streams.has(retries.stream)) await check(retryPlace(names), `${retries.anyDelayed}.${fn.name}.>`);
  if (streams.has(deadLetters.stream)) await check(deadLetterPlace(names), `${deadLetters.prefix}.${fn.name}.>`);
  return [...warnings, ...await forgottenWarnings(reader.nc, fn, count, names)];
}

/** Returns the server's time, which decides how old an event is. If there are no events, the server is not asked. */
async function timeOf({ jsm }: Reader, stream: string, { messages }: Sample): Promise<number> {
  return messages.length === 0 ? 0 : serverTime(await jsm.streams.info(stream));
}
