/** JetStream's error codes that Weir acts on, named as in the server's own list. */
export const JETSTREAM_CODES = {
  accountResourcesExceeded: 10002,
  clusterNotLeader: 10009,
  consumerNotFound: 10014,
  insufficientResources: 10023,
  memoryResourcesExceeded: 10028,
  noMessageFound: 10037,
  sequenceNotFound: 10043,
  storageResourcesExceeded: 10047,
  streamMessageExceedsMaximum: 10054,
  streamMsgDeleteFailed: 10057,
  streamNameExists: 10058,
  streamNotFound: 10059,
  streamWrongLastSequence: 10071,
  notEnabled: 10076,
  streamStoreFailed: 10077,
  streamHeaderExceedsMaximum: 10097,
  consumerAlreadyExists: 10148,
  consumerDoesNotExist: 10149,
  streamDuplicateMessageConflict: 10158,
  /** A replicated stream is storing another message for the subject: its sequence is not known yet. */
  streamWrongLastSequenceUnknown: 10164,
  streamTooManyRequests: 10167,
} as const;

/** Limits of the account or of the server: memory, storage, or both. */
const RESOURCES_EXCEEDED: readonly number[] = [
  JETSTREAM_CODES.accountResourcesExceeded,
  JETSTREAM_CODES.insufficientResources,
  JETSTREAM_CODES.memoryResourcesExceeded,
  JETSTREAM_CODES.storageResourcesExceeded,
];

/** Refusals that do not last, besides every status 503. */
const TRANSIENT: readonly number[] = [
  JETSTREAM_CODES.clusterNotLeader,
  JETSTREAM_CODES.streamDuplicateMessageConflict,
  JETSTREAM_CODES.streamWrongLastSequenceUnknown,
  JETSTREAM_CODES.streamTooManyRequests,
];

/** Returns whether the account or the server has reached one of its JetStream limits. */
export function isResourcesExceeded(code: number): boolean {
  return RESOURCES_EXCEEDED.includes(code);
}

/** Returns whether the same message may be stored if it is sent again. */
export function isTransientRefusal(status: number, code: number): boolean {
  return status === 503 || TRANSIENT.includes(code);
}

/** Returns whether the expected last sequence of a subject was wrong: the subject has a message already. */
export function isWrongLastSequence(code: number | undefined): boolean {
  return code === JETSTREAM_CODES.streamWrongLastSequence || code === JETSTREAM_CODES.streamWrongLastSequenceUnknown;
}

/**
 * Returns whether a stream has reached one of its own limits, or its disk is full. JetStream has one code for all that
 * its store can fail with, so this alone reads a description.
 */
export function isStreamFull(code: number, description: string): boolean {
  return code === JETSTREAM_CODES.streamStoreFailed && /maximum|exceeded|no space/i.test(description);
}
