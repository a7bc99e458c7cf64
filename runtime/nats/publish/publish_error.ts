import { PublishError } from "../../engine/publisher.ts";

export { PublishError };

/** What JetStream says when it does not store a message. */
export interface Refusal {
  readonly code: number;
  readonly err_code?: number;
  readonly description: string;
}

/** Limits of the account or of the server, not of one stream: memory, storage, or both. */
const NO_ROOM = [10002, 10023, 10028, 10047];
const STORE_FAILED = 10077;
const MESSAGE_TOO_LARGE = 10054, HEADERS_TOO_LARGE = 10097;
/**
 * What passes by itself besides every 503: no leader just now, a first try of the same message still being stored,
 * another one for its subject, more messages at once than the stream takes on.
 */
const PASSING = [10009, 10158, 10164, 10167];

/** What a refusal means for a message; undefined when it may be stored if it is sent again. */
export function refusalError(subject: string, stream: string | undefined, refusal: Refusal): PublishError | undefined {
  const { code, err_code = code, description } = refusal;
  const named = JSON.stringify(subject), where = stream ? `stream ${stream}` : "its stream";
  const said = `JetStream says: ${description} (${err_code})`;
  if (NO_ROOM.includes(err_code)) {
    const todo = "raise the JetStream limits of the NATS account or server, or remove what nobody needs";
    return new PublishError("full", `no room for ${named} in ${where}: ${todo}; ${said}`);
  }
  if (err_code === STORE_FAILED && /maximum|exceeded|no space/i.test(description)) {
    const todo = "raise its limits (max_msgs, max_bytes, max_msgs_per_subject), or remove what nobody needs";
    return new PublishError("full", `${where} is full and takes no ${named}: ${todo}; ${said}`);
  }
  if (err_code === MESSAGE_TOO_LARGE) {
    const todo = "send less, or raise its max_msg_size";
    return new PublishError("too-large", `a message for ${named} is larger than ${where} takes: ${todo}; ${said}`);
  }
  if (err_code === HEADERS_TOO_LARGE) {
    return new PublishError("too-large", `the headers of a message for ${named} are too large: ${said}`);
  }
  if (code === 503 || PASSING.includes(err_code)) return undefined;
  return new PublishError("refused", `JetStream refused ${named}: ${description} (${err_code})`);
}

/** What the NATS user lacks to publish there. */
export function publishDenied(subject: string, cause: Error): PublishError {
  const what = `the NATS user may not publish to ${JSON.stringify(subject)}`;
  return new PublishError("denied", `${what}: allow it in the user's permissions, or use another user`, { cause });
}

/** What the NATS user lacks to hear JetStream's answers: what it publishes may be stored, and nobody would know. */
export function answersDenied(cause: Error): PublishError {
  const what = 'the NATS user may not subscribe to "_INBOX.>", where JetStream answers';
  return new PublishError("denied", `${what}: allow it in the user's permissions, or use another user`, { cause });
}

/** Nobody said that it is stored. @param why what is wrong, as far as one knows */
export function unanswered(subject: string, why: string, tries: number): PublishError {
  return new PublishError(
    "unavailable",
    `${JSON.stringify(subject)} is not known to be stored: ${why}; ${tries} tries`,
  );
}

/** The client itself did not take it. @param limit the most bytes that the server takes in a message */
export function unsendable(subject: string, limit: number | undefined, cause: Error): PublishError {
  if (!cause.message.includes("max_payload")) {
    return new PublishError("unavailable", `cannot send to NATS: ${cause.message}`, { cause });
  }
  const what = `a message for ${JSON.stringify(subject)} with its headers is over the server's ${limit} bytes`;
  return new PublishError("too-large", what, { cause });
}
