import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { errorsIn, isA } from "../../core/error_detail.ts";

/** Errors of the client for which the request is not at fault. */
const UNAVAILABLE = [
  errors.TimeoutError,
  errors.NoRespondersError,
  errors.ConnectionError,
  errors.ClosedConnectionError,
  errors.DrainingConnectionError,
];

/** Returns whether an error, or one of its causes, means that NATS or JetStream does not answer at the moment. */
export function isUnavailable(error: unknown): error is Error {
  return errorsIn(error).some((one) =>
    UNAVAILABLE.some((kind) => isA(one, kind)) || isA(one, JetStreamApiError) && one.status === 503 ||
    // No responders for JetStream's API, or for a write to a stream without a leader. The client keeps the class to itself.
    isA(one, Error) && one.name === "JetStreamNotEnabled"
  );
}
