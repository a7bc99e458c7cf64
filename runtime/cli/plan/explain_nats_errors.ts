import { errors } from "@nats-io/transport-node";
import { isUnavailable } from "../../nats/client/is_unavailable.ts";
import { CommandFailure, EXIT_CODES } from "../terminal/exit_codes.ts";

/** Replaces timeouts and permission errors of NATS by errors that name a fix. */
export async function explainNatsErrors<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    const { message, cause } = error as Error;
    if (isUnavailable(error)) {
      throw new CommandFailure(
        `JetStream does not answer (${message}): check the servers with \`deno task doctor\`, then run this again`,
        EXIT_CODES.failed,
        { cause: error },
      );
    }
    if ([error, cause].some((candidate) => candidate instanceof errors.PermissionViolationError)) {
      throw new CommandFailure(
        `this NATS user lacks a permission (${message}): deploy/README.md lists those that \`plan\` needs`,
        EXIT_CODES.failed,
        { cause: error },
      );
    }
    throw error;
  }
}
