import { type ConsumerConfig, JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { streamOf } from "../kv/buckets.ts";
import { asConfig } from "./config_diff.ts";
import { nameOf, type Step, type StepOf } from "./step.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";

/** A step that JetStream did not take, or that the NATS user may not ask for. */
interface Failed {
  readonly step: Step;
  readonly error: Error;
}

/** Is told of each step that was taken, with the number of events that wait for a new consumer. */
export type Done = (step: StepOf<"create" | "update">, waiting: number | undefined) => void;

/**
 * Makes or changes one thing.
 *
 * @returns how many stored events wait for a consumer that it made
 * @throws {JetStreamApiError} when JetStream does not take it.
 */
async function applyStep(
  jsm: JetStreamManager,
  step: StepOf<"create" | "update">,
): Promise<number | undefined> {
  if (step.kind === "create" && step.what === "consumer") {
    return (await jsm.consumers.add(step.stream, step.config as ConsumerConfig)).num_pending;
  }
  if (step.kind === "create") await jsm.streams.add(step.config);
  else if (step.what === "consumer") await jsm.consumers.update(step.stream, step.name, asConfig(step.changes));
  else await jsm.streams.update(step.what === "bucket" ? streamOf(step.name) : step.name, asConfig(step.changes));
}

/**
 * Makes or changes everything, streams first, and goes on where something fails.
 *
 * @returns what failed; of consumers whose stream could not be made nothing: they would only repeat why
 */
export async function applySteps(
  jsm: JetStreamManager,
  steps: readonly StepOf<"create" | "update">[],
  done: Done,
): Promise<Failed[]> {
  const failed: Failed[] = [];
  for (const step of steps) {
    const noStream = (other: Failed) =>
      other.step.kind === "create" && step.what === "consumer" && other.step.what === "stream" &&
      other.step.name === step.stream;
    if (failed.some(noStream)) continue;
    try {
      done(step, await applyStep(jsm, step));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      failed.push({ step, error });
    }
  }
  return failed;
}

const RACES: readonly number[] = [
  JETSTREAM_CODES.streamNameExists,
  JETSTREAM_CODES.consumerAlreadyExists,
  JETSTREAM_CODES.consumerDoesNotExist,
  JETSTREAM_CODES.streamNotFound,
];

/** The name was taken, or gone, by the time we acted on what we had seen. */
export function isRace({ error }: Failed): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  return RACES.includes(error.code);
}

/** JetStream, or the server, says no. */
function isRefusal(error: unknown): error is Error {
  return error instanceof JetStreamApiError || (error as Error).cause instanceof errors.PermissionViolationError;
}

/** What to say of it. */
export function whyFailed({ step, error }: Failed): string {
  if (error instanceof JetStreamApiError) {
    return `${nameOf(step)}: JetStream says: ${error.message} (${error.code})`;
  }
  return `${nameOf(step)}: this NATS user may not ${step.kind} it (${error.message}): ` +
    `let one who may run \`deno task apply\`, and start with --no-apply`;
}
