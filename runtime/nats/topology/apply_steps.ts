import { type ConsumerConfig, type ConsumerInfo, JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { asConfig } from "./config_diff.ts";
import { bucketStream } from "./resources.ts";
import { nameOf, type Step, type StepOf } from "./step.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { isUnavailable } from "../client/is_unavailable.ts";

/** A step that JetStream refused, or that the NATS user lacks the permission for. */
interface Failed {
  readonly step: Step;
  readonly error: Error;
}

/** Called after each applied step. `consumer` is the consumer that it created or updated. */
export type OnApplied = (step: StepOf<"create" | "update">, consumer: ConsumerInfo | undefined) => void;

/**
 * Applies all steps that create or update, in their order, and goes on after one that the server refuses. A consumer
 * whose stream could not be created is skipped, since its error would only repeat the stream's.
 *
 * @returns The steps that the server refused.
 * @throws {Error} for any other failure, such as a server that does not answer. The steps after it are not applied.
 */
export async function applySteps(
  jsm: JetStreamManager,
  steps: readonly Step[],
  onApplied: OnApplied,
): Promise<Failed[]> {
  const failed: Failed[] = [];
  for (const step of steps) {
    if (step.kind !== "create" && step.kind !== "update") continue;
    const isItsStream = (other: Step) =>
      other.kind === "create" && other.what === "stream" && step.what === "consumer" && other.name === step.stream;
    if (failed.some((other) => isItsStream(other.step))) continue;
    try {
      onApplied(step, await applyStep(jsm, step));
    } catch (error) {
      if (!isRefusal(error)) {
        throw isUnavailable(error) ? new Error(`${nameOf(step)}: ${error.message}`, { cause: error }) : error;
      }
      failed.push({ step, error });
    }
  }
  return failed;
}

/** Creates or updates one thing. Resolves to the info of a consumer. */
async function applyStep(jsm: JetStreamManager, step: StepOf<"create" | "update">): Promise<ConsumerInfo | undefined> {
  if (step.what === "consumer") {
    return step.kind === "create"
      ? await jsm.consumers.add(step.stream, step.config as ConsumerConfig)
      : await jsm.consumers.update(step.stream, step.name, asConfig(step.changes));
  }
  if (step.kind === "create") await jsm.streams.add(step.config);
  else await jsm.streams.update(step.what === "bucket" ? bucketStream(step.name) : step.name, asConfig(step.changes));
}

const RACES: readonly number[] = [
  JETSTREAM_CODES.streamNameExists,
  JETSTREAM_CODES.consumerAlreadyExists,
  JETSTREAM_CODES.consumerDoesNotExist,
  JETSTREAM_CODES.streamNotFound,
];

/** Returns whether the step failed because another client created or deleted the same thing since it was planned. */
export function isRace({ error }: Failed): boolean {
  return error instanceof JetStreamApiError && RACES.includes(error.code);
}

function isRefusal(error: unknown): error is Error {
  return error instanceof JetStreamApiError || (error as Error).cause instanceof errors.PermissionViolationError;
}

/** Returns the problem that a failed step is reported as. */
export function whyFailed({ step, error }: Failed): string {
  if (error instanceof JetStreamApiError) {
    const moves = error.code === JETSTREAM_CODES.consumerNotUnique
      ? ": in a work queue one consumer has a subject. A trigger moves to another function only with `deno task apply`; " +
        "beside a consumer of another client there is no second one"
      : "";
    return `${nameOf(step)}: JetStream says: ${error.message} (${error.code})${moves}`;
  }
  return `${nameOf(step)}: this NATS user may not ${step.kind} it (${error.message}): ` +
    `run \`deno task apply\` as a user who may, and start with --no-apply`;
}
