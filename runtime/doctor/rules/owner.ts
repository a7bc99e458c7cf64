import { isForeign, ownerProblem } from "../../nats/topology/owner.ts";
import { type Facts, known } from "../facts.ts";
import { partitionConsumers } from "../project_streams.ts";
import { type Rule, rulesOf } from "../rule.ts";

/** Rules on the mark that a project leaves on what it makes. */
export const OWNER: readonly Rule[] = rulesOf("streams", [
  {
    id: "owner",
    severity: "error",
    holds: "no stream, consumer or bucket of the project is another project's",
    why: "Each would handle events, retries and dead letters of the other. `start` exits with 1.",
    fix: '`WEIR_NAMESPACE=…`, or the same "name" in deno.json if both are the same project',
    find: (facts) => {
      const problem = [...found(facts)].map(({ metadata }) => ownerProblem(metadata, facts.names)).find(Boolean);
      if (problem === undefined) return [];
      const all = [...found(facts)].filter(({ metadata }) => isForeign(metadata, facts.names));
      return [{ what: `of ${all.map(({ name }) => name).join(", ")}: ${problem}` }];
    },
  },
  {
    id: "project-name",
    severity: "info",
    holds: "the project has a name",
    why:
      "Without a name nothing that the project makes carries its mark, and another project on the account may share it.",
    fix: '`"name": "…", "exports": {}` in deno.json, or `WEIR_NAMESPACE=…`',
    find: ({ names, project }) =>
      "value" in project && names.project === undefined ? [{ what: 'deno.json has no "name"' }] : [],
  },
]);

/** Returns the streams and consumers that the project uses, with their metadata. */
function* found(facts: Facts) {
  for (const { config } of known(facts.streams).values()) {
    yield { name: `stream ${config.name}`, metadata: config.metadata };
  }
  for (const { name, stream_name, config } of partitionConsumers(facts).own) {
    yield { name: `consumer ${name} on ${stream_name}`, metadata: config.metadata };
  }
}
