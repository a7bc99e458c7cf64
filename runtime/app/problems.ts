import { Problem } from "../http/problem.ts";
import { isUnavailable } from "../nats/client/is_unavailable.ts";
import { PublishError } from "../engine/publisher.ts";
import type { Logger } from "../telemetry/otel/logs/logger.ts";

/**
 * Headers that tell a caller after how many seconds to retry. An outage passes soon. Other faults last until an
 * operator mends them.
 */
const SOON = { headers: { "retry-after": "5" } }, LATER = { headers: { "retry-after": "30" } };

/** Returns the problems of the public listener: an unexpected error is logged, and the caller does not see it. */
export function publicProblems(log: Pick<Logger, "error">): (error: unknown) => Problem {
  return (error) => {
    const problem = knownProblem(error);
    if (problem) return problem;
    log.error("a request to the ingress failed", { error });
    return new Problem("internal", "the event was not published; the log says why");
  };
}

/**
 * Returns the problems of the admin listener: the operator sees the message of an unexpected error.
 *
 * @param outage Returns the known problem of the connection to NATS.
 */
export function adminProblems(outage: () => string | undefined): (error: unknown) => Problem {
  return (error) => {
    const problem = knownProblem(error);
    if (problem) return problem;
    const { message } = error as Error, known = outage();
    if (known === undefined && !isUnavailable(error)) return new Problem("internal", message);
    return new Problem("unavailable", `NATS does not answer: ${known ?? message}; ask again`, SOON);
  };
}

/** Returns the problem for an error: the error itself if it is a `Problem`, or why an event was not stored. */
function knownProblem(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (!(error instanceof PublishError)) return undefined;
  const { code, message } = error;
  switch (code) {
    case "too-large":
      return new Problem("too-large", message);
    case "id-taken":
      return new Problem("id-taken", message);
    case "unavailable":
      return new Problem("unavailable", `${message}; send it again with the same id`, SOON);
    // None of these is the caller's fault. With `denied`, it is this process that lacks a permission.
    case "full":
    case "no-stream":
    case "denied":
    case "refused":
      return new Problem("unavailable", `the event was not stored: ${message}`, LATER);
  }
}
