import type { NatsConnection } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { countMessages } from "../inspect/count_messages.ts";
import { IDEMPOTENCY } from "../kv/resources.ts";
import { bucketStream } from "../topology/resources.ts";

/**
 * Returns a warning if a function has no `idempotency` any more while events wait that it may have handled.
 *
 * @param waiting Events, retries and dead letters that wait for it.
 */
export async function forgottenWarnings(
  nc: Pick<NatsConnection, "request">,
  { name, policy }: ResolvedFunction,
  waiting: number,
  names: Namespace = NO_NAMESPACE,
): Promise<string[]> {
  if (policy.idempotency || waiting === 0) return [];
  const bucket = names.bucket(IDEMPOTENCY.name), subject = `$KV.${bucket}.${name}.>`;
  const remembered = await countMessages(nc, { stream: bucketStream(bucket), subject }).catch(() => 0);
  if (remembered === 0) return [];
  const what = `what comes again of the ${remembered} handled events that are remembered is handled again`;
  return [
    `${name}: it has no \`idempotency\` any more, and ${what}. Leave the option while anything waits for it (now ` +
    `${waiting}, with retries and dead letters)`,
  ];
}
