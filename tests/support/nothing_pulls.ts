import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import { isPulled } from "../../runtime/nats/topology/plan_undeclared.ts";
import { eventually } from "./eventually.ts";

/**
 * Resolves once the server has noticed that no process pulls any more. A command that is refused until then need not be
 * tried again and again.
 *
 * @param streams Default: all.
 * @param isBusy says that of a consumer. Default: it is pulled, or was within the last minute.
 */
export async function nothingPulls(
  jsm: JetStreamManager,
  streams?: readonly string[],
  isBusy: (info: ConsumerInfo) => boolean = isPulled,
): Promise<void> {
  await eventually(async () => {
    for (const stream of streams ?? await Array.fromAsync(jsm.streams.names())) {
      for await (const info of jsm.consumers.list(stream)) if (isBusy(info)) return false;
    }
    return true;
  });
}
