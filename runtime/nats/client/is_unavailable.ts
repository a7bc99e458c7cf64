import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";

/** Errors of the client for which the request is not at fault. */
const UNAVAILABLE = [
  errors.TimeoutError,
  errors.NoRespondersError,
  errors.ConnectionError,
  errors.ClosedConnectionError,
  errors.DrainingConnectionError,
];

/** Returns whether an error, or its cause, means that NATS or JetStream does not answer at the moment. */
export function isUnavailable(error: unknown): error is Error {
  return [error, (error as Error).cause].some((one) =>
    UNAVAILABLE.some((kind) => one instanceof kind) || one instanceof JetStreamApiError && one.status === 503 ||
    // No responders for JetStream's API, or for a write to a stream without a leader. The client keeps the class to itself.
    one instanceof Error && one.name === "JetStreamNotEnabled"
  );
}
