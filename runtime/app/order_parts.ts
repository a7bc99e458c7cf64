import type { NatsConnection } from "@nats-io/transport-node";
import type { Namespace } from "../core/namespace.ts";
import type { PartitionedOrder } from "../engine/partitioned_order.ts";
import type { Pipeline } from "../engine/pipeline.ts";
import { systemClock } from "../engine/system_clock.ts";
import type { Pin } from "../nats/consume/pin.ts";
import { orderConsumers } from "../nats/consume/pin_requests.ts";
import { PartitionMembers } from "../nats/partitions/partition_members.ts";
import { PartitionSpread } from "../nats/partitions/partition_spread.ts";
import { membersSubject } from "../nats/partitions/resources.ts";
import type { Durable } from "../nats/topology/resources.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";

/** The claims of this process on the consumers of a function with `order`. */
export interface OrderParts {
  /** Returns this process's claim on one of the function's consumers. */
  pinOf(durable: Durable): Pin;
  /**
   * Connects the consumers of the order of a pipeline.
   *
   * @param router The pipeline that assigns events to partitions. Default: the function has no partitions.
   */
  connect(pipeline: Pipeline, router?: Pipeline): void;
  start(): void;
  stop(): void;
}

/** Returns the parts of a function with `order`; undefined for any other. @param durables All consumers of it. */
export function orderParts(
  { name, policy: { order } }: ResolvedFunction,
  nc: NatsConnection,
  durables: readonly Durable[],
  names: Namespace,
): OrderParts | undefined {
  if (!order) return undefined;
  const own = orderConsumers(nc, durables.filter(({ partition }) => partition === undefined), names);
  const { partitions } = order;
  if (partitions === undefined) {
    return {
      pinOf: ({ stream }) => own.pinOf(stream),
      connect: (pipeline) => pipeline.order!.connect(own),
      start: () => {},
      stop: () => {},
    };
  }
  let parts: PartitionedOrder["parts"], isAble = () => true;
  const members = new PartitionMembers(nc, membersSubject(name, names), systemClock);
  const spread = new PartitionSpread(partitions, members, (partition) => parts[partition].unsettled);
  const sources = Array.from({ length: partitions }, (_, i) => {
    return orderConsumers(nc, durables.filter(({ partition }) => partition === i), names, () => spread.mayTake());
  });
  return {
    pinOf: ({ stream, partition }) => (partition === undefined ? own : sources[partition]).pinOf(stream),
    connect: (pipeline, router) => {
      router!.order!.connect(own);
      const ordered = pipeline.partitioned!;
      parts = ordered.parts;
      isAble = () => pipeline.admission.permits() > 0;
      ordered.connect(sources);
    },
    start: () => spread.start(sources, isAble),
    stop: () => spread.stop(),
  };
}
