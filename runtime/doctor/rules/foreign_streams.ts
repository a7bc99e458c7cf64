import { durablesOf } from "../../nats/consume/resources.ts";
import { listenProblem, planForeignStream } from "../../nats/topology/foreign_stream.ts";
import { known } from "../facts.ts";
import { foreignStreams, foreignStreamsOf } from "../project_streams.ts";
import { type Rule, rulesOf } from "../rule.ts";

/** Rules on the streams that the project names and Weir does not own. */
export const FOREIGN_STREAMS: readonly Rule[] = rulesOf("streams", [
  {
    id: "foreign-streams",
    severity: "error",
    holds:
      "every stream that `stream` names exists, and has the subjects of its triggers and of what is published into it",
    why: "Weir creates and changes no stream that it does not own, so `start` exits with 1.",
    fix: "correct `stream` or the pattern, or ask the owner of STREAM for the change",
    find: (facts) => {
      const project = known(facts.project), { streams, origins } = known(facts.foreign);
      const all = foreignStreamsOf(project);
      const durables = durablesOf(project.functions).filter(({ stream }) => all.some(({ name }) => name === stream));
      return [
        ...all.flatMap((foreign) => {
          const step = planForeignStream(foreign, streams.get(foreign.name));
          return step.kind === "blocked" ? step.problems.map((what) => ({ what, stream: foreign.name })) : [];
        }),
        ...durables.flatMap((durable) => {
          const problem = listenProblem(durable, streams.get(durable.stream), origins), { functionName } = durable;
          return problem === undefined ? [] : [{ what: `${functionName}: ${problem}`, stream: durable.stream }];
        }),
      ];
    },
  },
  {
    id: "foreign-interest",
    severity: "info",
    holds: "no stream that `stream` names has interest retention",
    why:
      "JetStream stores an event there only while a consumer wants it, and deletes it once all have acked it. A new " +
      "function begins without old events, and what waits for a function is deleted with its consumer.",
    fix: "`deno task apply` before the first event, so that the consumer exists",
    find: (facts) =>
      foreignStreams(facts).filter(({ config }) => config.retention === "interest").map(({ config: { name } }) => ({
        what: `the stream ${name} has interest retention`,
        stream: name,
      })),
  },
]);
