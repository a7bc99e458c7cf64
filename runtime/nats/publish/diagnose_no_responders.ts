import type { NatsConnection } from "@nats-io/transport-node";
import { PublishError } from "../../engine/publisher.ts";
import { unanswered } from "./publish_error.ts";

/**
 * Returns why a message had no responders at every try. JetStream is asked which stream stores the subject: only its
 * answer shows that none does. If JetStream itself does not answer, that is the cause.
 */
export async function diagnoseNoResponders(
  nc: NatsConnection,
  subject: string,
  tries: number,
  timeoutMs: number,
): Promise<PublishError> {
  try {
    const answer = await nc.request("$JS.API.STREAM.NAMES", JSON.stringify({ subject }), { timeout: timeoutMs });
    const { streams, error } = answer.json<{ streams?: string[] | null; error?: { description: string } }>();
    if (error) return unanswered(subject, `JetStream is not available: ${error.description}`, tries);
    if (streams?.length) {
      return unanswered(subject, `stream ${streams[0]} is not available: has it a leader?`, tries);
    }
    const what = `no stream stores ${JSON.stringify(subject)}`;
    return new PublishError("no-stream", `${what}: a start of Weir makes one; was it deleted since? ${tries} tries`);
  } catch (error) {
    const why = `JetStream does not answer (${(error as Error).message}): is it enabled?`;
    return unanswered(subject, why, tries, { cause: error });
  }
}
