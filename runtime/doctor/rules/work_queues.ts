import type { ConsumerInfo } from "@nats-io/jetstream";
import { overlaps } from "../../core/subjects.ts";
import { durablesOf } from "../../nats/consume/resources.ts";
import { known } from "../facts.ts";
import { eventStreams, foreignStreams, partitionConsumers } from "../project_streams.ts";
import type { Rule } from "../rule.ts";

export const WORK_QUEUES: Rule = {
  id: "work-queue",
  area: "streams",
  severity: "error",
  holds: "in a work queue no two consumers have overlapping subjects",
  why: "JetStream refuses the second consumer, and `start` exits with 1.",
  fix:
    "one function for both, or, if Weir owns the stream, `nats stream rm STREAM` once it is empty: `start` creates it " +
    "with limits retention",
  find: (facts) => {
    const own = durablesOf(known(facts.project).functions, facts.names)
      .map(({ functionName: name, stream, filters }) => ({ name, stream, filters }));
    const foreign = partitionConsumers(facts).foreign.map((consumer) => ({
      name: `the consumer ${consumer.name}`,
      stream: consumer.stream_name,
      filters: filtersOf(consumer),
    }));
    const queues = [...eventStreams(facts), ...foreignStreams(facts)].map(({ config }) => config).filter((
      { retention },
    ) => retention === "workqueue");
    return queues.flatMap(({ name: queue }) => {
      const [ours, theirs] = [own, foreign].map((all) => all.filter(({ stream }) => stream === queue));
      return ours.flatMap((fn, i) =>
        [...ours.slice(i + 1), ...theirs].flatMap((other) => {
          const shared = fn.filters.filter((a) => other.filters.some((b) => overlaps(a, b))).join(", ");
          if (shared === "") return [];
          const what = `${queue} is a work queue, and both ${fn.name} and ${other.name} listen to ${shared}`;
          return [{ what, stream: queue }];
        })
      );
    });
  },
};

/** Returns the filter subjects of a consumer. A consumer without a filter gets every message. */
function filtersOf({ config }: ConsumerInfo): readonly string[] {
  return config.filter_subjects ?? (config.filter_subject ? [config.filter_subject] : [">"]);
}
