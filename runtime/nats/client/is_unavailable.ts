import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";

/** Nobody answers, or nobody who can at this moment. */
export function isUnavailable(error: unknown): error is Error {
  if (error instanceof JetStreamApiError) return error.status === 503;
  const { cause } = error as Error;
  return [error, cause].some((one) =>
    one instanceof errors.TimeoutError || one instanceof errors.NoRespondersError ||
    one instanceof errors.ConnectionError
  );
}
