import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { JETSTREAM_CODES } from "./error_codes.ts";

/** Errors of the client for which the request is not at fault. */
const UNAVAILABLE = [
  errors.TimeoutError,
  errors.NoRespondersError,
  errors.ConnectionError,
  errors.ClosedConnectionError,
  errors.DrainingConnectionError,
];
/** Longest chain of causes that the client and Weir build. */
const MAX_CAUSES = 4;

/** Returns whether an error, or one of its causes, means that NATS or JetStream does not answer at the moment. */
export function isUnavailable(error: unknown): error is Error {
  for (let one = error, depth = 0; one instanceof Error && depth <= MAX_CAUSES; one = one.cause, depth++) {
    if (UNAVAILABLE.some((kind) => one instanceof kind)) return true;
    if (one instanceof JetStreamApiError) return isElecting(one);
    // No responders for JetStream's API, or for a write to a stream without a leader. The client does not export the
    // class.
    if (one.name === "JetStreamNotEnabled" && !(one.cause instanceof JetStreamApiError)) return true;
  }
  return false;
}

/** Returns whether the servers have no leader, or do not know enough of each other yet. */
function isElecting({ status, code }: JetStreamApiError): boolean {
  if (code === JETSTREAM_CODES.notEnabled || code === JETSTREAM_CODES.notEnabledForAccount) return false;
  return status === 503 || code === JETSTREAM_CODES.clusterNoPeers;
}

/** Waits for an answer. An error by which NATS does not answer then names what was asked for. */
export async function named<Value>(what: string, answer: Promise<Value>): Promise<Value> {
  try {
    return await answer;
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    throw new Error(`${what}: ${error.message}`, { cause: error });
  }
}
