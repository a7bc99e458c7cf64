import type { ConsumerInfo } from "@nats-io/jetstream";
import { ACK_WAIT_MS, EXTEND_INTERVAL_MS, LEASE_MS } from "../../nats/consume/ack_wait.ts";
import { EXPIRES_MS } from "../../nats/consume/pull_consumer.ts";
import { split } from "../consumers.ts";
import { type Facts, known } from "../facts.ts";
import type { Found, Rule } from "../rule.ts";
import { span } from "../format.ts";

const RESTART = "start Weir: a start sets it back";

/** The consumers of functions, which are the server's to change, and anybody's who has access to it. */
export const CONSUMERS: readonly Rule[] = [
  {
    id: "ack-wait",
    area: "consumers",
    holds: `the server waits ${span(ACK_WAIT_MS)} for a sign of life of what is being handled, as Weir counts on`,
    why:
      "Weir gives a sign of life every 5 seconds however long a handler runs; a server that waits for less hands the " +
      "event to another replica meanwhile, and one that waits for more leaves a dead process's events lying",
    fix: "start Weir: a start sets it back",
    find: (facts) =>
      each(facts, ({ config: { ack_wait = 0 } }, name) => {
        const has = ack_wait / 1e6;
        if (has === ACK_WAIT_MS) return [];
        return [{
          severity: has < EXTEND_INTERVAL_MS + LEASE_MS ? "error" : "warning",
          what: `${name} has an ack_wait of ${span(has)} and should have ${span(ACK_WAIT_MS)}`,
          fix: RESTART,
        }];
      }),
  },
  {
    id: "max-deliver",
    area: "consumers",
    holds: "the server limits no event's deliveries",
    why: "it gives up on an event without a dead letter; Weir brings it back only while one of its processes listens",
    fix: "start Weir: a start takes the limit away",
    find: (facts) =>
      each(
        facts,
        ({ config: { max_deliver = -1 } }, name) =>
          max_deliver > 0
            ? [{
              severity: "warning",
              what: `${name} has max_deliver ${max_deliver} and should have none`,
              fix: RESTART,
            }]
            : [],
      ),
  },
  {
    id: "server-backoff",
    area: "consumers",
    holds: "no consumer has a backoff of the server's own",
    why: "it takes the place of ack_wait: an event that is being handled is handed out again when it says so",
    fix: "start Weir: a start removes it",
    find: (facts) =>
      each(facts, ({ config: { backoff = [] } }, name) =>
        backoff.length > 0
          ? [{
            severity: Math.min(...backoff) / 1e6 < EXTEND_INTERVAL_MS + LEASE_MS ? "error" : "warning",
            what: `${name} has a backoff of its own: ${backoff.map((ns) => span(ns / 1e6)).join(", ")}`,
            fix: RESTART,
          }]
          : []),
  },
  {
    id: "kind",
    area: "consumers",
    holds: "every function's consumer is pulled from, and acked event by event",
    why: "`start` exits with 1 on another kind, which JetStream does not change in place",
    fix: "as `deno task plan` says: stop its function, `nats consumer rm STREAM NAME`, start it again",
    find: (facts) =>
      each(facts, ({ config, stream_name, name: own }, name) => {
        const flaw = config.deliver_subject
          ? `pushes to ${config.deliver_subject}`
          : config.ack_policy !== "explicit"
          ? `has the ack policy ${config.ack_policy}`
          : config.headers_only
          ? "delivers headers alone"
          : undefined;
        if (flaw === undefined) return [];
        const fix = config.deliver_subject || config.ack_policy !== "explicit"
          ? `as \`deno task plan\` says: stop its function, nats consumer rm ${stream_name} ${own}, start it again`
          : RESTART;
        return [{ severity: "error", what: `${name} ${flaw}`, fix }];
      }),
  },
  {
    id: "paused",
    area: "consumers",
    holds: "no consumer is paused",
    why: "its function is handed nothing until then, and looks well",
    fix: "`nats consumer resume STREAM NAME`",
    find: (facts) =>
      each(facts, ({ paused, config, stream_name, name: own }, name) =>
        paused
          ? [{
            severity: "warning",
            what: `${name} is paused until ${config.pause_until}`,
            fix: `nats consumer resume ${stream_name} ${own}`,
          }]
          : []),
  },
  {
    id: "places",
    area: "consumers",
    holds: "a consumer hands out as many events at once as the workers of a process run",
    why:
      "beyond max_ack_pending the server hands out nothing: handlers stand idle, and short retries take places as well",
    fix: "`nats consumer edit STREAM NAME --max-pending=…`, for all processes together",
    find: (facts) => {
      const workers = known(facts.config).WEIR_WORKERS;
      return each(facts, ({ config: { max_ack_pending = -1 }, stream_name, name: own }, name) => {
        const { concurrency } = known(facts.project).functions.find((fn) => fn.name === own)!.policy;
        const wanted = concurrency * workers;
        if (max_ack_pending <= 0 || wanted <= max_ack_pending) return [];
        return [{
          severity: "warning",
          what: `${name} hands out ${max_ack_pending} events at once, and one process runs ${wanted} ` +
            `(concurrency ${concurrency}, ${workers} ${workers === 1 ? "worker" : "workers"})`,
          fix: `nats consumer edit ${stream_name} ${own} --max-pending=${2 * wanted} (twice that, for two processes)`,
        }];
      });
    },
  },
  {
    id: "pull-limits",
    area: "consumers",
    holds: "no consumer refuses pulls as Weir makes them",
    why:
      "Weir pulls for as many events as it could begin, and waits 5 seconds for them: a refused pull is handed nothing",
    fix: "`nats consumer edit STREAM NAME --max-pull-batch=1000 --max-pull-expire=1m`",
    find: (facts) =>
      each(facts, ({ config: { max_batch = 0, max_expires = 0 }, stream_name, name: own }, name) => {
        const { concurrency } = known(facts.project).functions.find((fn) => fn.name === own)!.policy;
        const batch = max_batch > 0 && max_batch < concurrency,
          expires = max_expires > 0 && max_expires < EXPIRES_MS * 1e6;
        if (!batch && !expires) return [];
        const said = [
          ...batch ? [`of more than ${max_batch} events (concurrency is ${concurrency})`] : [],
          ...expires ? [`that wait for more than ${span(max_expires / 1e6)}`] : [],
        ];
        return [{
          severity: "error",
          what: `${name} refuses pulls ${said.join(", and ")}`,
          fix: `nats consumer edit ${stream_name} ${own} --max-pull-batch=${
            Math.max(1_000, concurrency)
          } --max-pull-expire=1m`,
        }];
      }),
  },
  {
    id: "kept",
    area: "consumers",
    holds: "no consumer goes by itself while its function does not run",
    why: "what it had settled goes with it: the next start makes a new one, which begins with the oldest event kept",
    fix:
      "`nats consumer edit STREAM NAME --interactive`, without inactive_threshold; one in memory is removed and made anew",
    find: (facts) =>
      each(facts, ({ config: { inactive_threshold = 0, mem_storage }, stream_name, name: own }, name) => {
        const said = [
          ...inactive_threshold > 0 ? [`is removed after ${span(inactive_threshold / 1e6)} without a pull`] : [],
          ...mem_storage ? ["is kept in memory"] : [],
        ];
        if (said.length === 0) return [];
        const fix = mem_storage
          ? `nats consumer rm ${stream_name} ${own}, once its events are handled: a start makes it anew`
          : `nats consumer edit ${stream_name} ${own} --interactive, and take inactive_threshold out`;
        return [{ severity: "warning", what: `${name} ${said.join(" and ")}`, fix }];
      }),
  },
  {
    id: "strangers",
    area: "consumers",
    holds: "every consumer in RETRIES is one of a function that there is",
    why: "the consumer of a function that is gone, or renamed, keeps its retries waiting for ever",
    fix: "`deno task apply --prune NAME`, where the function is gone for good; nothing, where another project runs it",
    find: ({ project, consumers }) =>
      split(known(project), known(consumers)).foreign.filter(({ stream_name, config }) =>
        stream_name === "RETRIES" && config.durable_name
      ).map(({ name, num_pending }) => ({
        severity: "info",
        what: `RETRIES has a consumer ${name}, and there is no functions/${name}.ts (${num_pending} wait for it)`,
        fix: `deno task apply --prune ${name}, if it is gone for good; nothing, if another project runs it`,
      })),
  },
];

function each(
  { project, consumers }: Facts,
  find: (consumer: ConsumerInfo, name: string) => readonly Found[],
): Found[] {
  return split(known(project), known(consumers)).own.flatMap((one) =>
    find(one, `the consumer ${one.name} on ${one.stream_name}`)
  );
}
