/** JetStream's error codes that Weir acts on, named as in the server's own list. */
export const JETSTREAM_CODES = {
  accountResourcesExceeded: 10002,
  /** No servers are known that could hold the replicas, as in a cluster that just started. */
  clusterNoPeers: 10005,
  clusterNotLeader: 10009,
  consumerNotFound: 10014,
  insufficientResources: 10023,
  memoryResourcesExceeded: 10028,
  noMessageFound: 10037,
  notEnabledForAccount: 10039,
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
  consumerNotUnique: 10100,
  streamSealed: 10109,
  streamRollupFailed: 10111,
  consumerAlreadyExists: 10148,
  consumerDoesNotExist: 10149,
  streamDuplicateMessageConflict: 10158,
  /** A replicated stream is storing another message for the subject: its sequence is not known yet. */
  streamWrongLastSequenceUnknown: 10164,
  streamTooManyRequests: 10167,
} as const;

/** Returns whether the expected last sequence of a subject was wrong: the subject has a message already. */
export function isWrongLastSequence(code: number | undefined): boolean {
  return code === JETSTREAM_CODES.streamWrongLastSequence || code === JETSTREAM_CODES.streamWrongLastSequenceUnknown;
}
