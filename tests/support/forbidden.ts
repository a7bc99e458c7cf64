import { connectNats } from "../../runtime/nats/client/connection.ts";
import type { NatsOptions } from "../../runtime/nats/client/nats_options.ts";
import { eventually } from "./eventually.ts";

/**
 * Publishes to each subject as a user, and resolves once the server has refused each.
 *
 * @param violations Lines of the server's log, to which it appends while this runs.
 */
export async function refusesAll(
  connection: (user: string) => NatsOptions,
  forbidden: readonly (readonly [user: string, subject: string])[],
  violations: readonly string[],
): Promise<void> {
  for (const [user, subject] of forbidden) {
    const nc = await connectNats(connection(user));
    const before = violations.length;
    nc.publish(subject, "{}");
    await nc.flush();
    await eventually(() => violations.slice(before).some((line) => line.includes(`"${subject}"`)));
    await nc.close();
  }
}
