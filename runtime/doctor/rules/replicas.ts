import { connected, type Facts, known } from "../facts.ts";
import { streamNamesOf } from "../project_streams.ts";
import { type Rule, rulesOf } from "../rule.ts";

export const REPLICAS: readonly Rule[] = rulesOf("streams", [
  {
    id: "replicas",
    holds: "in a cluster every stream has more than one replica",
    why:
      "While the only server of a stream is down, no event of it is stored or handled. If its disk fails, all events " +
      "are lost.",
    fix: "three servers or more, and `WEIR_REPLICAS=3`; if it is set already, start Weir",
    find: (facts) => {
      const count = serverCount(facts), { WEIR_REPLICAS } = known(facts.config), streams = known(facts.streams);
      if (count < 2) return [];
      if (streams.size === 0 && !WEIR_REPLICAS) {
        return [{ what: `the cluster has ${count} servers, and streams would be created with one replica` }];
      }
      const names = [...streams.values()].map(({ config }) => config)
        .filter(({ num_replicas }) => num_replicas === 1).map(({ name }) => name);
      if (names.length === 0) return [];
      return [{ what: `the cluster has ${count} servers, and these streams have one replica: ${names.join(", ")}` }];
    },
  },
  {
    id: "replicas-possible",
    severity: "error",
    holds: "the cluster has at least as many servers as WEIR_REPLICAS",
    why: "JetStream refuses to create the streams, and `start` exits with 1.",
    fix: "more servers, or a smaller `WEIR_REPLICAS`",
    find: (facts) => {
      const count = serverCount(facts), replicas = known(facts.config).WEIR_REPLICAS;
      if (replicas === undefined || count === 0 || replicas <= count) return [];
      const servers = count === 1 ? "there is one server" : `there are ${count} servers`;
      return [{ what: `WEIR_REPLICAS is ${replicas}, and ${servers}` }];
    },
  },
  {
    id: "sync",
    severity: "info",
    holds: "every stream has more than one replica",
    why:
      "JetStream acks a message before it is on disk. A stream with one replica loses up to two minutes of messages " +
      "when the power fails (nats-server#7564). A client cannot read this setting of the server.",
    fix:
      "`WEIR_REPLICAS=3` on three servers, or `jetstream { sync_interval: always }` in nats-server's configuration; " +
      "each message then waits for the disk, which allows about 4,000 messages a second instead of 100,000 or more",
    find: (facts) => {
      const streams = known(facts.streams), single = (known(facts.config).WEIR_REPLICAS ?? 1) === 1;
      const existing = [...streams.values()].map(({ config }) => config)
        .filter(({ num_replicas, storage }) => num_replicas === 1 && storage === "file").map(({ name }) => name);
      const missing = streamNamesOf(known(facts.project), facts.names).filter((name) => single && !streams.has(name));
      const names = [...existing, ...missing.map((name) => `${name} (not created yet)`)].join(", ");
      return names === "" ? [] : [{ what: `these streams have one replica, on one disk: ${names}` }];
    },
  },
]);

/** Counts the servers with JetStream that are visible from this host. */
function serverCount({ servers, connection, streams }: Facts): number {
  const { cluster, server } = connected({ connection });
  if (cluster === undefined) return 1;
  const names = new Set([server]);
  for (const { info } of servers) if (info?.cluster === cluster && info.jetstream) names.add(info.server_name);
  for (const info of "value" in streams ? streams.value.values() : []) {
    for (const name of [info.cluster?.leader, ...(info.cluster?.replicas ?? []).map((replica) => replica.name)]) {
      if (name) names.add(name);
    }
  }
  return names.size;
}
