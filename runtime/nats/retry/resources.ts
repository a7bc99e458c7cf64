import { DiscardPolicy, RetentionPolicy } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import { countPermissions, deletePermissions, publish } from "../topology/permissions.ts";
import { type Bucket, type Durable, namedBucket, type Resources } from "../topology/resources.ts";

/**
 * Bucket of the attempt counts of redelivered events. An entry expires after seven days: by then its event is settled.
 */
export const ATTEMPTS: Bucket = {
  name: "weir_attempts",
  config: { description: "Weir: attempts of redelivered messages", max_age: 7 * 86_400_000 * 1e6 },
};

export function retryResources(names: Namespace): Resources {
  const { stream, subjects } = names.retries;
  return {
    streams: [{
      name: stream,
      subjects,
      initial: {
        max_age: 0,
        retention: RetentionPolicy.Workqueue,
        allow_msg_schedules: true,
        discard: DiscardPolicy.Old, // the only policy that goes with schedules; without limits it drops nothing
      },
    }],
    buckets: [namedBucket(ATTEMPTS, names)],
    permissions: [
      ...publish("to delay retries", ...subjects),
      ...countPermissions(stream),
      ...deletePermissions(stream),
    ],
  };
}

/**
 * Returns a function's consumer on RETRIES. Its filters are subjects with the function's name, so that retries and
 * redriven dead letters reach one function alone.
 */
export function retryDurable(functionName: string, names: Namespace): Durable {
  const { stream, due, redriven } = names.retries;
  return {
    functionName,
    consumer: names.consumer(functionName),
    stream,
    filters: [`${due}.${functionName}.>`, `${redriven}.${functionName}.>`],
  };
}
