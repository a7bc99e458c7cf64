import { errors, type NatsConnection } from "@nats-io/transport-node";
import { PublishError, type PublishErrorCode, type PublishErrorOptions } from "../../engine/publisher.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { subjectOn } from "../client/subject_prefixes.ts";

/** The error in JetStream's answer to a message that it does not store. */
export interface Refusal {
  /** The status, as in HTTP. */
  readonly code: number;
  readonly err_code?: number;
  readonly description: string;
}

/** Limits of the account or of the server: memory, storage, or both. */
const RESOURCES_EXCEEDED: readonly number[] = [
  JETSTREAM_CODES.accountResourcesExceeded,
  JETSTREAM_CODES.insufficientResources,
  JETSTREAM_CODES.memoryResourcesExceeded,
  JETSTREAM_CODES.storageResourcesExceeded,
];

/** Refusals that do not last, besides every status 503: the same message may be stored if it is sent again. */
const TRANSIENT: readonly number[] = [
  JETSTREAM_CODES.clusterNotLeader,
  JETSTREAM_CODES.streamDuplicateMessageConflict,
  JETSTREAM_CODES.streamWrongLastSequenceUnknown,
  JETSTREAM_CODES.streamTooManyRequests,
];

/** Returns the error for a refusal. Undefined when the message may be stored if it is sent again. */
export function refusalError(subject: string, stream: string | undefined, refusal: Refusal): PublishError | undefined {
  const { code: status, err_code: jetStreamCode = status, description } = refusal;
  const named = JSON.stringify(subject), where = stream ? `stream ${stream}` : "its stream";
  const said = `JetStream says: ${description} (${jetStreamCode})`;
  const error = (code: PublishErrorCode, message: string) => new PublishError(code, message, { jetStreamCode });
  if (RESOURCES_EXCEEDED.includes(jetStreamCode)) {
    const todo = "raise the JetStream limits of the NATS account or server, or remove what is not needed";
    return error("full", `no room for ${named} in ${where}: ${todo}; ${said}`);
  }
  if (jetStreamCode === JETSTREAM_CODES.streamSealed) {
    const todo =
      "a sealed stream cannot be opened again: delete it once its events are handled, and it is created anew";
    return error("full", `${where} is sealed and takes no ${named}: ${todo}; ${said}`);
  }
  // A limit of the stream, or a full disk. JetStream has one code for all that its store can fail with.
  if (jetStreamCode === JETSTREAM_CODES.streamStoreFailed && /maximum|exceeded|no space/i.test(description)) {
    const todo = "raise its limits (max_msgs, max_bytes, max_msgs_per_subject), or remove what is not needed";
    return error("full", `${where} is full and takes no ${named}: ${todo}; ${said}`);
  }
  if (jetStreamCode === JETSTREAM_CODES.streamMessageExceedsMaximum) {
    const todo = "send less, or raise its max_msg_size";
    return error("too-large", `a message for ${named} is larger than ${where} takes: ${todo}; ${said}`);
  }
  if (jetStreamCode === JETSTREAM_CODES.streamHeaderExceedsMaximum) {
    return error("too-large", `the headers of a message for ${named} are too large: ${said}`);
  }
  if (status === 503 || TRANSIENT.includes(jetStreamCode)) return undefined;
  return error("refused", `JetStream refused ${named}: ${description} (${jetStreamCode})`);
}

/** Returns the error for a publish permission that the NATS user lacks. */
export function publishDenied(subject: string, cause: Error): PublishError {
  const what = `the NATS user may not publish to ${JSON.stringify(subject)}`;
  return new PublishError("denied", `${what}: allow it in the user's permissions, or use another user`, { cause });
}

/** Returns the error for a user that cannot receive publish acks: whether a message was stored would not be known. */
export function pubAcksDenied(cause: Error, inboxPrefix = "_INBOX"): PublishError {
  const what = `the NATS user may not subscribe to "${inboxPrefix}.>", where JetStream answers`;
  return new PublishError("denied", `${what}: allow it in the user's permissions, or use another user`, { cause });
}

/**
 * Returns the error for a message without a publish ack.
 *
 * @param why The cause, as far as it is known.
 */
export function unanswered(subject: string, why: string, tries: number, options?: PublishErrorOptions): PublishError {
  const message = `${JSON.stringify(subject)} is not known to be stored: ${why}; ${tries} tries`;
  return new PublishError("unavailable", message, options);
}

/**
 * Returns the error for a message that the client itself did not send.
 *
 * @param maxPayload Greatest size of a message that the server takes, in bytes.
 */
export function unsendable(subject: string, maxPayload: number | undefined, cause: Error): PublishError {
  if (!(cause instanceof errors.InvalidArgumentError)) {
    return new PublishError("unavailable", `cannot send to NATS: ${cause.message}`, { cause });
  }
  const what = `a message for ${JSON.stringify(subject)} with its headers is over the server's ${maxPayload} bytes`;
  return new PublishError("too-large", what, { cause });
}

/**
 * Returns why a message had no responders at every try. JetStream is asked which stream stores the subject. If no
 * stream does, the error is `no-stream`. If JetStream does not answer, it is `unavailable`.
 */
export async function diagnoseNoResponders(
  nc: NatsConnection,
  subject: string,
  tries: number,
  timeoutMs: number,
): Promise<PublishError> {
  try {
    const answer = await nc.request(subjectOn(nc, "$JS.API.STREAM.NAMES"), JSON.stringify({ subject }), {
      timeout: timeoutMs,
    });
    const { streams, error } = answer.json<{ streams?: string[] | null; error?: { description: string } }>();
    if (error) return unanswered(subject, `JetStream is not available: ${error.description}`, tries);
    if (streams?.length) {
      return unanswered(subject, `stream ${streams[0]} is not available: has it a leader?`, tries);
    }
    const what = `no stream stores ${JSON.stringify(subject)}: is \`dev\` or \`start\` running?`;
    return new PublishError("no-stream", `${what} Otherwise run \`deno task apply\`, also if the stream was deleted`);
  } catch (error) {
    const why = `JetStream does not answer (${(error as Error).message}): is it enabled?`;
    return unanswered(subject, why, tries, { cause: error });
  }
}
