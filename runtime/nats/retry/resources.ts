import { DiscardPolicy, RetentionPolicy } from "@nats-io/jetstream";
import { countPermissions, deletePermissions, publish } from "../topology/permissions.ts";
import type { Bucket, Durable, Resources } from "../topology/resources.ts";
import { RETRIES } from "./retry_stream.ts";

/** Bucket of the attempt counts of redelivered events. An entry expires after seven days: by then it is settled. */
export const ATTEMPTS: Bucket = {
  name: "weir_attempts",
  config: { description: "Weir: attempts of redelivered messages", max_age: 7 * 86_400_000 * 1e6 },
};

export const RETRY_RESOURCES: Resources = {
  streams: [{
    name: RETRIES.stream,
    subjects: RETRIES.subjects,
    initial: {
      max_age: 0,
      retention: RetentionPolicy.Workqueue,
      allow_msg_schedules: true,
      discard: DiscardPolicy.Old, // the only policy that goes with schedules; without limits it drops nothing
    },
  }],
  buckets: [ATTEMPTS],
  permissions: [
    ...publish("to delay retries", ...RETRIES.subjects),
    ...countPermissions(RETRIES.stream),
    ...deletePermissions(RETRIES.stream),
  ],
};

/** Returns the consumer by which retries and redriven dead letters reach one function. */
export function retryDurable(functionName: string): Durable {
  return {
    functionName,
    stream: RETRIES.stream,
    filters: [`${RETRIES.due}.${functionName}.>`, `${RETRIES.redriven}.${functionName}.>`],
  };
}
