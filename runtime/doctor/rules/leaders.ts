import type { ClusterInfo } from "@nats-io/jetstream";
import { connected, type Facts } from "../facts.ts";
import { type Rule, rulesOf, type Violation } from "../rule.ts";

/** Rules on the servers of a cluster that are down or behind, by what is missing in each stream and consumer. */
export const LEADERS: readonly Rule[] = rulesOf("streams", [
  {
    id: "leaders",
    severity: "error",
    holds: "every stream and every consumer has a leader that answers",
    why: "Without a leader a stream stores no event, and a consumer delivers none. A leader needs more than half of " +
      "the replicas.",
    fix: "start the servers that are down; `nats server report jetstream` lists them",
    find: (facts) => [
      ...facts.unanswered.map((what) => ({ what: `no answer from ${what}` })),
      ...groupsOf(facts).filter(({ cluster }) => !cluster.leader).map(({ of, cluster }): Violation => ({
        what: [`${of} has no leader`, ...absentees(cluster)].join("; "),
      })),
    ],
  },
  {
    id: "replicas-current",
    holds: "every replica is online and up to date",
    why: "If the leader stops as well, its stream or consumer has no leader until the others are back.",
    fix: "start the servers that are down; if they run, see `nats stream report` and their logs",
    find: (facts) =>
      groupsOf(facts).filter(({ cluster }) => cluster.leader && absentees(cluster).length > 0)
        .map(({ of, cluster }): Violation => ({ what: `${of}: ${absentees(cluster).join("; ")}` })),
  },
]);

/** Returns the Raft groups of the streams and consumers that could be read. A server outside of a cluster has none. */
function groupsOf({ connection, streams, consumers }: Facts): { of: string; cluster: ClusterInfo }[] {
  if (connected({ connection }).cluster === undefined) return [];
  return [
    ...("value" in streams ? [...streams.value.values()] : [])
      .map(({ config, cluster }) => ({ of: `the stream ${config.name}`, cluster })),
    ...("value" in consumers ? consumers.value : [])
      .map(({ stream_name, name, cluster }) => ({ of: `the consumer ${name} on ${stream_name}`, cluster })),
  ].flatMap(({ of, cluster }) => cluster ? [{ of, cluster }] : []);
}

/** Describes the replicas that are offline or behind. */
function absentees({ replicas = [] }: ClusterInfo): string[] {
  const offline = replicas.filter(({ offline }) => offline).map(({ name }) => name);
  const behind = replicas.filter(({ offline, current }) => !offline && !current).map(({ name }) => name);
  return [
    ...(offline.length > 0 ? [`offline: ${offline.join(", ")}`] : []),
    ...(behind.length > 0 ? [`not up to date: ${behind.join(", ")}`] : []),
  ];
}
