import { errors } from "@nats-io/transport-node";
import { isUnavailable } from "../../nats/client/is_unavailable.ts";
import { CommandFailure } from "../terminal/exit_codes.ts";

/** Says what to do where the cluster does not answer, or not this user: the client's own words are "timeout" alone. */
export async function answered<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    const { message, cause } = error as Error;
    if (isUnavailable(error)) {
      throw new CommandFailure(
        `JetStream does not answer (${message}): \`deno task doctor\` looks at every server; then run this again`,
      );
    }
    if ([error, cause].some((one) => one instanceof errors.PermissionViolationError)) {
      throw new CommandFailure(
        `this NATS user may not look at all that it takes (${message}): deploy/README.md lists what \`plan\` needs`,
      );
    }
    throw error;
  }
}
