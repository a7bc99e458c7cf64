import { durablesOf } from "../../nats/consume/resources.ts";
import { overlaps } from "../../core/subjects.ts";
import { filtersOf, split } from "../consumers.ts";
import { known } from "../facts.ts";
import type { Found, Rule } from "../rule.ts";
import { eventStreams } from "../streams.ts";

/** What a stream of another retention than Weir makes means for the functions on it. */
export const WORK_QUEUES: readonly Rule[] = [
  {
    id: "work-queue",
    area: "streams",
    holds: "in a work queue each event has one function, and no consumer of others",
    why:
      "JetStream lets only one consumer of a work queue have a subject: it refuses the second, and `start` exits with 1",
    fix:
      "one function for both, or the stream removed once it is empty: a start makes it anew, with the retention limits",
    find: ({ project, streams, consumers }) => {
      const { functions } = known(project);
      const queues = eventStreams(known(project), known(streams)).filter(({ config }) =>
        config.retention === "workqueue"
      ).map(({ config }) => config.name);
      const foreign = split(known(project), known(consumers)).foreign;
      const ours = durablesOf(functions).map(({ functionName, stream, filters }) => ({
        functionName,
        stream,
        filters,
      }));
      return queues.flatMap((queue) => {
        const own = ours.filter(({ stream }) => stream === queue);
        const others = foreign.filter(({ stream_name }) => stream_name === queue).map((one) => ({
          functionName: `the consumer ${one.name}`,
          filters: filtersOf(one),
        }));
        return own.flatMap((fn, i) =>
          [...own.slice(i + 1), ...others].filter(({ filters }) =>
            filters.some((theirs) => fn.filters.some((filter) => overlaps(theirs, filter)))
          ).map((other): Found => ({
            severity: "error",
            what: `${queue} is a work queue, and both ${fn.functionName} and ${other.functionName} want ` +
              `${fn.filters.filter((filter) => other.filters.some((theirs) => overlaps(theirs, filter))).join(", ")}`,
            fix: `nats stream rm ${queue} once it is empty (a start makes it anew), or one function for both`,
          }))
        );
      });
    },
  },
  {
    id: "interest",
    area: "streams",
    holds: "no stream of events keeps only what somebody has asked for already",
    why:
      "with the retention `interest` an event that comes before its function's consumer is there is not kept at all, " +
      "and a new function begins with nothing",
    fix: "`nats stream edit NAME --retention=limits`",
    find: ({ project, streams }) =>
      eventStreams(known(project), known(streams)).filter(({ config }) => config.retention === "interest").map((
        { config },
      ) => ({
        severity: "warning",
        what: `the stream ${config.name} has the retention interest`,
        fix: `nats stream edit ${config.name} --retention=limits`,
      })),
  },
];
