import type { ConsumerInfo } from "@nats-io/jetstream";
import { ACK_WAIT_MS, EXTEND_INTERVAL_MS, LEASE_MS } from "../../nats/consume/ack_wait.ts";
import { EXPIRES_MS } from "../../nats/consume/pull_consumer.ts";
import { RETRIES } from "../../nats/retry/retry_stream.ts";
import { type Facts, known } from "../facts.ts";
import { span } from "../format.ts";
import { partitionConsumers } from "../project_streams.ts";
import { type Rule, rulesOf, type Severity, type Violation } from "../rule.ts";

const RESTART = "start Weir: `start` resets it";

/** Milliseconds of ack wait below which a delivery may expire between two in-progress acks. */
const MIN_ACK_WAIT_MS = EXTEND_INTERVAL_MS + LEASE_MS;

/** Rules on the consumers of functions, which any client with access may change. */
export const CONSUMERS: readonly Rule[] = rulesOf("consumers", [
  {
    id: "ack-wait",
    holds: `every consumer has an ack wait of ${span(ACK_WAIT_MS)}`,
    why:
      `Weir sends an in-progress ack every ${
        span(EXTEND_INTERVAL_MS)
      } while a handler runs. With a shorter ack wait the server ` +
      "redelivers the event to another replica meanwhile. With a longer one the events of a dead process wait longer.",
    fix: RESTART,
    find: eachConsumer(({ config: { ack_wait = 0 } }, name) => {
      const ackWaitMs = ack_wait / 1e6;
      if (ackWaitMs === ACK_WAIT_MS) return [];
      return violation(
        ackWaitMs < MIN_ACK_WAIT_MS ? "error" : "warning",
        `${name} has an ack_wait of ${span(ackWaitMs)} and should have ${span(ACK_WAIT_MS)}`,
      );
    }),
  },
  {
    id: "max-deliver",
    holds: "no consumer limits deliveries",
    why: "At max_deliver the server gives up on an event, without a dead letter. Weir recovers it only if one of its " +
      "processes receives the advisory.",
    fix: "start Weir: `start` removes the limit",
    find: eachConsumer(({ config: { max_deliver = -1 } }, name) =>
      max_deliver > 0 ? violation("warning", `${name} has max_deliver ${max_deliver} and should have none`) : []
    ),
  },
  {
    id: "server-backoff",
    holds: "no consumer has a backoff",
    why: "A consumer's backoff replaces its ack wait, so the server redelivers an event that is being handled.",
    fix: "start Weir: `start` removes the backoff",
    find: eachConsumer(({ config: { backoff = [] } }, name) => {
      if (backoff.length === 0) return [];
      const spans = backoff.map((ns) => span(ns / 1e6)).join(", ");
      const severity = Math.min(...backoff) / 1e6 < MIN_ACK_WAIT_MS ? "error" : "warning";
      return violation(severity, `${name} has a backoff: ${spans}`);
    }),
  },
  {
    id: "kind",
    holds: "every function's consumer is a pull consumer with explicit acks",
    why: "`start` exits with 1, since JetStream cannot change these settings of a consumer.",
    fix: "as `deno task plan` says: stop the function, `nats consumer rm STREAM NAME`, start it again",
    find: eachConsumer(({ config, stream_name, name: consumer }, name) => {
      const recreate =
        `as \`deno task plan\` says: stop the function, nats consumer rm ${stream_name} ${consumer}, start it`;
      if (config.deliver_subject) return violation("error", `${name} pushes to ${config.deliver_subject}`, recreate);
      if (config.ack_policy !== "explicit") {
        return violation("error", `${name} has the ack policy ${config.ack_policy}`, recreate);
      }
      return config.headers_only ? violation("error", `${name} delivers headers only`) : [];
    }),
  },
  {
    id: "paused",
    holds: "no consumer is paused",
    why: "The function gets no events until the pause ends, and nothing else looks wrong.",
    fix: "`nats consumer resume STREAM NAME`",
    find: eachConsumer(({ paused, config, stream_name, name: consumer }, name) =>
      paused
        ? violation(
          "warning",
          `${name} is paused until ${config.pause_until}`,
          `nats consumer resume ${stream_name} ${consumer}`,
        )
        : []
    ),
  },
  {
    id: "max-ack-pending",
    holds: "max_ack_pending of every consumer is at least the concurrency of one process",
    why:
      "At max_ack_pending the server stops delivering, so handlers idle. Events that wait for a short retry count too.",
    fix: "`nats consumer edit STREAM NAME --max-pending=…`, enough for all processes together",
    find: eachConsumer(({ config: { max_ack_pending = -1 }, stream_name, name: consumer }, name, facts) => {
      const workers = known(facts.config).WEIR_WORKERS, concurrency = concurrencyOf(facts, consumer);
      const needed = concurrency * workers;
      if (max_ack_pending <= 0 || needed <= max_ack_pending) return [];
      return violation(
        "warning",
        `${name} has max_ack_pending ${max_ack_pending}, and one process handles ${needed} events at a time ` +
          `(concurrency ${concurrency}, ${workers} ${workers === 1 ? "worker" : "workers"})`,
        `nats consumer edit ${stream_name} ${consumer} --max-pending=${2 * needed} (enough for two processes)`,
      );
    }),
  },
  {
    id: "pull-limits",
    holds: "no consumer refuses Weir's pull requests",
    why: `Weir requests as many events as it can handle at a time, and each request waits for ${span(EXPIRES_MS)}. A ` +
      "refused request gets no events.",
    fix: "`nats consumer edit STREAM NAME --max-pull-batch=1000 --max-pull-expire=1m`",
    find: eachConsumer(({ config: { max_batch = 0, max_expires = 0 }, stream_name, name: consumer }, name, facts) => {
      const concurrency = concurrencyOf(facts, consumer);
      const limits = [
        ...max_batch > 0 && max_batch < concurrency
          ? [`for more than ${max_batch} events (concurrency is ${concurrency})`]
          : [],
        ...max_expires > 0 && max_expires < EXPIRES_MS * 1e6
          ? [`that wait for more than ${span(max_expires / 1e6)}`]
          : [],
      ];
      if (limits.length === 0) return [];
      const batch = Math.max(1_000, concurrency);
      return violation(
        "error",
        `${name} refuses pull requests ${limits.join(", and ")}`,
        `nats consumer edit ${stream_name} ${consumer} --max-pull-batch=${batch} --max-pull-expire=1m`,
      );
    }),
  },
  {
    id: "inactive-threshold",
    holds: "no consumer has an inactive threshold or is stored in memory",
    why: "The server deletes such a consumer while its function does not run, or when the server restarts. The next " +
      "start creates a new one, which delivers every stored event again.",
    fix: "`nats consumer edit STREAM NAME --interactive`, without inactive_threshold; delete a consumer in memory",
    find: eachConsumer(({ config: { inactive_threshold = 0, mem_storage }, stream_name, name: consumer }, name) => {
      const problems = [
        ...inactive_threshold > 0 ? [`is deleted after ${span(inactive_threshold / 1e6)} without a pull request`] : [],
        ...mem_storage ? ["is stored in memory"] : [],
      ];
      if (problems.length === 0) return [];
      const fix = mem_storage
        ? `nats consumer rm ${stream_name} ${consumer}, once its events are handled: \`start\` creates it again`
        : `nats consumer edit ${stream_name} ${consumer} --interactive, and remove inactive_threshold`;
      return violation("warning", `${name} ${problems.join(" and ")}`, fix);
    }),
  },
  {
    id: "orphans",
    holds: "every consumer of RETRIES belongs to a function",
    why: "Retries of a function that was removed or renamed wait for ever.",
    fix: "`deno task apply --prune NAME` if the function is gone for good; nothing if another project runs it",
    find: (facts) =>
      partitionConsumers(facts).foreign
        .filter(({ stream_name, config }) => stream_name === RETRIES.stream && config.durable_name)
        .map(({ name, num_pending }) => ({
          severity: "info",
          what: `${RETRIES.stream} has a consumer ${name}, and no function has this name (${num_pending} pending)`,
          fix: `deno task apply --prune ${name}, if it is gone for good; nothing, if another project runs it`,
        })),
  },
]);

/** Returns a `find` that checks the consumer of every function. */
function eachConsumer(
  check: (consumer: ConsumerInfo, name: string, facts: Facts) => readonly Violation[],
): (facts: Facts) => readonly Violation[] {
  return (facts) =>
    partitionConsumers(facts).own.flatMap((consumer) =>
      check(consumer, `the consumer ${consumer.name} on ${consumer.stream_name}`, facts)
    );
}

function violation(severity: Severity, what: string, fix = RESTART): Violation[] {
  return [{ severity, what, fix }];
}

function concurrencyOf({ project }: Facts, functionName: string): number {
  return known(project).functions.find(({ name }) => name === functionName)!.policy.concurrency;
}
