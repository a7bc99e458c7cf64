import type { StreamInfo } from "@nats-io/jetstream";
import { connected, type Facts, known } from "../facts.ts";
import { resourcesOf } from "../../app/resources.ts";
import { combine, streamNames } from "../../nats/topology/resources.ts";
import type { Rule } from "../rule.ts";

/** How many times what is stored is stored, and how soon on disk. */
export const REPLICAS: readonly Rule[] = [
  {
    id: "replicas",
    area: "streams",
    holds: "in a cluster every stream has more than one replica",
    why: "while the one server that has it is away nothing is stored or handled, and with its disk all of it is lost",
    fix: "`WEIR_REPLICAS=3`",
    find: (facts) => {
      const count = serverCount(facts), { WEIR_REPLICAS } = known(facts.config);
      if (count < 2) return [];
      const single = [...known(facts.streams).values()].filter(({ config }) => config.num_replicas === 1);
      const names = single.map(({ config }) => config.name);
      const wanted = count >= 3 ? 3 : undefined, noStreams = known(facts.streams).size === 0 && !WEIR_REPLICAS;
      const todo = wanted ? `WEIR_REPLICAS=${wanted}` : "a third server, and WEIR_REPLICAS=3";
      if (noStreams) {
        const what = `the cluster has ${count} servers, and streams would be made with one replica`;
        return [{ severity: "warning", what, fix: todo }];
      }
      if (names.length === 0) return [];
      return [{
        severity: "warning",
        what: `the cluster has ${count} servers, and one replica has: ${names.join(", ")}`,
        fix: (WEIR_REPLICAS ?? 1) > 1 ? "start Weir" : todo,
      }];
    },
  },
  {
    id: "replicas-possible",
    area: "streams",
    holds: "the cluster has as many servers as WEIR_REPLICAS wants replicas",
    why: "JetStream refuses to make the streams, and `start` exits with 1",
    fix: "more servers, or a smaller `WEIR_REPLICAS`",
    find: (facts) => {
      const count = serverCount(facts), wanted = known(facts.config).WEIR_REPLICAS;
      if (wanted === undefined || count === 0 || wanted <= count) return [];
      const what = `WEIR_REPLICAS is ${wanted}, and ${
        count === 1 ? "there is one server" : `there are ${count} servers`
      }`;
      return [{
        severity: "error",
        what,
        fix: `WEIR_REPLICAS=${count >= 3 ? 3 : 1}, or ${wanted - count} more servers`,
      }];
    },
  },
  {
    id: "sync",
    area: "streams",
    holds: "what is stored is stored on more than one server",
    why:
      "JetStream answers before its disk has: a stream with one replica loses up to two minutes at a loss of power " +
      "(nats-server#7564). Clients are not told how a server is set",
    fix: "`jetstream { sync_interval: always }` in nats-server's configuration; it costs a write to disk an answer: " +
      "about 4,000 events a second in place of 100,000 and more",
    find: (facts) => {
      const there = known(facts.streams), single = (known(facts.config).WEIR_REPLICAS ?? 1) === 1;
      const made = [...there.values()].filter(onOneDisk).map(({ config }) => config.name);
      const toMake = streamNames(combine(resourcesOf(known(facts.project)))).filter((name) =>
        single && !there.has(name)
      );
      if (made.length + toMake.length === 0) return [];
      return [{
        severity: "info",
        what: `one replica, on one disk: ${[...made, ...toMake.map((name) => `${name} (to be made)`)].join(", ")}; ` +
          "unless the server syncs always, a loss of power may cost up to two minutes of it",
        fix: "jetstream { sync_interval: always } in nats-server's configuration, or three servers and WEIR_REPLICAS=3",
      }];
    },
  },
];

function onOneDisk({ config }: StreamInfo): boolean {
  return config.num_replicas === 1 && config.storage === "file";
}

/** How many servers with JetStream the cluster has, as far as one can see from here; 0 when that is not known. */
function serverCount({ servers, connection, streams }: Facts): number {
  const { cluster, server } = connected({ connection });
  if (cluster === undefined) return 1;
  const names = new Set([server]);
  for (const { info } of servers) if (info?.cluster === cluster && info.jetstream) names.add(info.server_name);
  for (const info of "value" in streams ? streams.value.values() : []) {
    for (const name of [info.cluster?.leader, ...(info.cluster?.replicas ?? []).map((one) => one.name)]) {
      if (name) names.add(name);
    }
  }
  return names.size;
}
