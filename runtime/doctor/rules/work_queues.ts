import type { ConsumerInfo } from "@nats-io/jetstream";
import { overlaps } from "../../core/subjects.ts";
import { durablesOf } from "../../nats/consume/resources.ts";
import { known } from "../facts.ts";
import { eventStreams, partitionConsumers } from "../project_streams.ts";
import { type Rule, rulesOf, type Violation } from "../rule.ts";

/** Rules on streams whose retention is not `limits`. */
export const WORK_QUEUES: readonly Rule[] = rulesOf("streams", [
  {
    id: "work-queue",
    holds: "in a work queue no two consumers have overlapping subjects",
    why: "JetStream refuses the second consumer, and `start` exits with 1.",
    fix: "one function for both, or delete the stream once it is empty: `start` creates it with limits retention",
    find: (facts) => {
      const foreign = partitionConsumers(facts).foreign
        .map((consumer) => ({
          name: `the consumer ${consumer.name}`,
          stream: consumer.stream_name,
          filters: filtersOf(consumer),
        }));
      const own = durablesOf(known(facts.project).functions)
        .map(({ functionName: name, stream, filters }) => ({ name, stream, filters }));
      const queues = eventStreams(facts)
        .filter(({ config }) => config.retention === "workqueue").map(({ config }) => config.name);
      return queues.flatMap((queue) => {
        const [ours, theirs] = [own, foreign].map((all) => all.filter(({ stream }) => stream === queue));
        return ours.flatMap((fn, i) =>
          [...ours.slice(i + 1), ...theirs].flatMap((other): Violation[] => {
            const shared = fn.filters.filter((a) => other.filters.some((b) => overlaps(a, b)));
            if (shared.length === 0) return [];
            return [{
              severity: "error",
              what: `${queue} is a work queue, and both ${fn.name} and ${other.name} listen to ${shared.join(", ")}`,
              fix: `nats stream rm ${queue} once it is empty (\`start\` creates it again), or one function for both`,
            }];
          })
        );
      });
    },
  },
  {
    id: "interest",
    holds: "no stream of events has interest retention",
    why: "JetStream does not store an event that no consumer listens to yet. A new function starts without old events.",
    fix: "`nats stream edit NAME --retention=limits`",
    find: (facts) =>
      eventStreams(facts).filter(({ config }) => config.retention === "interest").map((
        { config },
      ) => ({
        severity: "warning",
        what: `the stream ${config.name} has interest retention`,
        fix: `nats stream edit ${config.name} --retention=limits`,
      })),
  },
]);

/** Returns the filter subjects of a consumer. A consumer without a filter gets every message. */
function filtersOf({ config }: ConsumerInfo): readonly string[] {
  return config.filter_subjects ?? (config.filter_subject ? [config.filter_subject] : [">"]);
}
