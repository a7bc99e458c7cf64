import type { ConsumerInfo } from "@nats-io/jetstream";
import { ACK_WAIT_MS, EXTEND_INTERVAL_MS, LEASE_MS } from "../../nats/consume/ack_wait.ts";
import { HELD_AHEAD } from "../../engine/prefetch.ts";
import { EXPIRES_MS } from "../../nats/consume/pull_timing.ts";
import { covers } from "../../core/subjects.ts";
import { durablesOf } from "../../nats/consume/resources.ts";
import { KEY_ROOM } from "../../project/concurrency_policy.ts";
import { eventsAtOnce } from "../../project/batch_policy.ts";
import type { FunctionPolicy } from "../../project/resolve_policy.ts";
import { partitionIn } from "../../core/namespace.ts";
import { waitingIn } from "../../nats/topology/partition_changes.ts";
import { filtersOf, planConsumer } from "../../nats/topology/plan_consumer.ts";
import { type Facts, known } from "../facts.ts";
import { span } from "../format.ts";
import { partitionConsumers } from "../project_streams.ts";
import { type Rule, rulesOf, type Severity, type Violation } from "../rule.ts";

/** Milliseconds of ack wait below which a delivery may expire between two in-progress acks. */
const MIN_ACK_WAIT_MS = EXTEND_INTERVAL_MS + LEASE_MS;

/** Rules on the consumers of functions, which any client with access may change. */
export const CONSUMERS: readonly Rule[] = rulesOf("consumers", [
  {
    id: "ack-wait",
    holds: `every consumer has an ack wait of ${span(ACK_WAIT_MS)}`,
    why: `Weir sends an in-progress ack every ${span(EXTEND_INTERVAL_MS)} while a handler runs. ` +
      "With a shorter ack wait the server redelivers the event to another replica meanwhile. With a longer one the " +
      "events of a dead process wait longer.",
    fix: "start Weir: `start` resets it",
    find: eachConsumer(({ ack_wait = 0 }) => {
      const ackWaitMs = ack_wait / 1e6;
      if (ackWaitMs === ACK_WAIT_MS) return undefined;
      return [`has an ack_wait of ${span(ackWaitMs)} and should have ${span(ACK_WAIT_MS)}`, severityOf(ackWaitMs)];
    }),
  },
  {
    id: "max-deliver",
    holds: "no consumer limits deliveries",
    why: "At max_deliver the server gives up on an event, without a dead letter. Weir recovers it only if one of its " +
      "processes receives the advisory.",
    fix: "start Weir: `start` removes the limit",
    find: eachConsumer(({ max_deliver = -1 }) =>
      max_deliver > 0 ? [`has max_deliver ${max_deliver} and should have none`] : undefined
    ),
  },
  {
    id: "server-backoff",
    holds: "no consumer has a backoff",
    why: "A consumer's backoff replaces its ack wait, so the server redelivers an event that is being handled.",
    fix: "start Weir: `start` removes the backoff",
    find: eachConsumer(({ backoff = [] }) => {
      if (backoff.length === 0) return undefined;
      const spans = backoff.map((ns) => span(ns / 1e6)).join(", ");
      return [`has a backoff: ${spans}`, severityOf(Math.min(...backoff) / 1e6)];
    }),
  },
  {
    id: "kind",
    severity: "error",
    holds: "every function's consumer is a pull consumer with explicit acks",
    why: "`start` exits with 1, since JetStream cannot change these settings of a consumer.",
    fix: "as `deno task plan` says: stop the function, `nats consumer rm STREAM CONSUMER`, start it again",
    find: eachConsumer(({ deliver_subject, ack_policy, headers_only }) => {
      if (deliver_subject) return [`pushes to ${deliver_subject}`];
      if (ack_policy !== "explicit") return [`has the ack policy ${ack_policy}`];
      return headers_only ? ["delivers headers only"] : undefined;
    }),
  },
  {
    id: "filters",
    holds: "every consumer has the filters of its function's triggers",
    why: "Without a filter the function gets no events of that trigger. A filter of no trigger brings events that no " +
      "release handles: they are retried for half an hour, and become dead letters.",
    fix: "`start` adds filters. `deno task apply` removes those of a release that is gone",
    find: (facts) => {
      const streams = known(facts.streams), durables = durablesOf(known(facts.project).functions, facts.names);
      return partitionConsumers(facts).own.flatMap(({ config, name, stream_name: stream }): Violation[] => {
        const durable = durables.find((one) => one.consumer === name && one.stream === stream)!;
        const step = planConsumer(durable, config, streams.get(stream)), what = `the consumer ${name} on ${stream}`;
        if (step.kind === "blocked" && config.ack_policy === "explicit" && !config.deliver_subject) {
          return [{ what: `${what}: ${step.problems.join("; ")}`, severity: "error" }];
        }
        const found = filtersOf(config), { filters } = durable; // `start` sets those of a consumer without any
        const isSame = found.length === filters.length && filters.every((filter) => found.includes(filter));
        if (found.length === 0 || isSame) return [];
        const misses = filters.some((filter) => !found.some((one) => covers(one, filter)));
        const problem = `${what} has the filters ${found.join(", ")} and should have ${filters.join(", ")}`;
        return [{ what: problem, severity: misses ? "error" : "warning" }];
      });
    },
  },
  {
    id: "paused",
    holds: "no consumer is paused",
    why: "The function gets no events until the pause ends, and nothing else looks wrong.",
    fix: "`deno task functions resume NAME`",
    find: eachConsumer(({ pause_until }, { paused }) => paused ? [`is paused until ${pause_until}`] : undefined),
  },
  {
    id: "max-ack-pending",
    holds: "max_ack_pending of every consumer is at least the number of events that one process handles at once",
    why:
      "At max_ack_pending the server stops delivering, so handlers idle. Events that wait for a short retry count too.",
    fix: "`nats consumer edit STREAM CONSUMER --max-pending=…`, enough for all processes together",
    find: eachConsumer(({ max_ack_pending = -1 }, { name }, facts) => {
      const workers = known(facts.config).WEIR_WORKERS, policy = policyOf(facts, name);
      const { batch, order, concurrency, shares } = policy;
      const all = eventsAtOnce(policy) / (order?.partitions ?? 1); // each partition has a consumer of its own
      const atOnce = shares ? concurrency + KEY_ROOM : all, needed = atOnce * (order ? 1 : workers);
      if (max_ack_pending <= 0 || needed <= max_ack_pending) return undefined;
      const ofKeys = shares ? ` and ${KEY_ROOM} of busy keys` : "";
      const each = batch ? `${concurrency + 1} batches of ${batch.size}` : `concurrency ${concurrency}${ofKeys}`;
      const factors = `(${each}, ${workers} ${workers === 1 ? "worker" : "workers"})`;
      return [`has max_ack_pending ${max_ack_pending}, and one process handles ${needed} events at a time ${factors}`];
    }),
  },
  {
    id: "order-full",
    holds: "no consumer of a function with `order` is full of events that wait for earlier ones of their key",
    why:
      "At max_ack_pending the server delivers no event of another key. As a rule the first event of a key fails, and " +
      "blocks those after it.",
    fix:
      "`deno task functions NAME` shows the last error; mend it, cancel the first event (`deno task events cancel`), or " +
      "raise the limit: `nats consumer edit STREAM CONSUMER --max-pending=…`",
    find: eachConsumer(({ max_ack_pending = -1 }, { name, num_ack_pending }, facts) => {
      if (!policyOf(facts, name).order || max_ack_pending <= 0 || num_ack_pending < max_ack_pending) return undefined;
      return [`has ${num_ack_pending} unsettled events, as many as it may`];
    }),
  },
  {
    id: "pull-limits",
    severity: "error",
    holds: "no consumer refuses Weir's pull requests",
    why:
      `Weir requests as many events as it can handle at a time, or up to ${HELD_AHEAD} of a backlog, and a request ` +
      `waits for ${span(EXPIRES_MS)}. A refused request gets no events.`,
    fix: "`nats consumer edit STREAM CONSUMER --max-pull-batch=1000 --max-pull-expire=1m`, or a higher batch",
    find: eachConsumer(({ max_batch = 0, max_expires = 0 }, { name }, facts) => {
      const policy = policyOf(facts, name), limits: string[] = [];
      const atOnce = eventsAtOnce(policy) / (policy.order?.partitions ?? 1);
      const isBound = policy.batch !== undefined || policy.shares !== undefined; // such a function pulls nothing ahead
      if (max_batch > 0 && max_batch < Math.max(atOnce, isBound ? 0 : HELD_AHEAD)) {
        const why = isBound ? `it asks for up to ${atOnce}` : `concurrency is ${atOnce}`;
        limits.push(`for more than ${max_batch} events (${why})`);
      }
      if (max_expires > 0 && max_expires < EXPIRES_MS * 1e6) {
        limits.push(`that wait for more than ${span(max_expires / 1e6)}`);
      }
      return limits.length > 0 ? [`refuses pull requests ${limits.join(", and ")}`] : undefined;
    }),
  },
  {
    id: "inactive-threshold",
    holds: "no consumer has an inactive threshold or is stored in memory",
    why: "The server deletes such a consumer while its function does not run, or when the server restarts. The next " +
      "start creates a new one, which delivers every stored event again.",
    fix: "`nats consumer edit STREAM CONSUMER --interactive`, without inactive_threshold; delete a consumer in memory",
    find: eachConsumer(({ inactive_threshold = 0, mem_storage }) => {
      if (mem_storage) return ["is stored in memory"];
      if (inactive_threshold === 0) return undefined;
      return [`is deleted after ${span(inactive_threshold / 1e6)} without a pull request`];
    }),
  },
  {
    id: "partitions",
    severity: "error",
    holds: "no event waits in a partition that its function does not have",
    why:
      "Only a process of a release with that number of partitions receives these events, and until they are handled " +
      "no other release receives any: its keys would lose their order.",
    fix: "start a process with that number of partitions, and stop it once nothing waits in them",
    find: (facts) =>
      leftBehind(facts).map((consumer) => {
        const { name, stream_name: stream } = consumer,
          { order } = policyOf(facts, name),
          waiting = waitingIn([consumer]);
        const has = order?.partitions === undefined ? "no partitions" : `partitions: ${order.partitions}`;
        const of = `partition ${partitionIn(name)} of ${facts.names.functionOf(name)}, which has ${has}`;
        return { what: `${waiting} ${waiting === 1 ? "event waits" : "events wait"} in ${of}`, stream, consumer: name };
      }),
  },
  {
    id: "orphans",
    severity: "info",
    holds: "every consumer of RETRIES belongs to a function",
    why: "Retries of a function that was removed or renamed wait for ever.",
    fix: "`deno task apply --prune CONSUMER` if the function is gone for good; nothing if another project runs it",
    find: (facts) =>
      partitionConsumers(facts).foreign
        .filter(({ stream_name, config }) => stream_name === facts.names.retries.stream && config.durable_name)
        .filter((consumer) => !leftBehind(facts).includes(consumer))
        .map(({ name, stream_name: stream, num_pending }) => ({
          what: `${stream} has a consumer ${name}, and no function has this name (${num_pending} pending)`,
          consumer: name,
        })),
  },
]);

/** Returns the consumers with events of partitions that a function of the project does not have any more. */
function leftBehind(facts: Facts): ConsumerInfo[] {
  const { functions } = known(facts.project);
  return partitionConsumers(facts).foreign.filter((consumer) =>
    partitionIn(consumer.name) !== undefined && waitingIn([consumer]) > 0 &&
    functions.some(({ name }) => name === facts.names.functionOf(consumer.name))
  );
}

/** Returns a `find` that checks the consumer of every function. */
function eachConsumer(
  check: (
    config: ConsumerInfo["config"],
    consumer: ConsumerInfo,
    facts: Facts,
  ) => readonly [problem: string, severity?: Severity] | undefined,
): Rule["find"] {
  return (facts) =>
    partitionConsumers(facts).own.flatMap((consumer): Violation[] => {
      const { config, name, stream_name: stream } = consumer, found = check(config, consumer, facts);
      if (!found) return [];
      const [problem, severity] = found;
      const what = `the consumer ${name} on ${stream} ${problem}`;
      return [{ what, stream, consumer: name, ...(severity && { severity }) }];
    });
}

function severityOf(ackWaitMs: number): Severity {
  return ackWaitMs < MIN_ACK_WAIT_MS ? "error" : "warning";
}

function policyOf({ project, names }: Facts, consumer: string): FunctionPolicy {
  return known(project).functions.find(({ name }) => name === names.functionOf(consumer))!.policy;
}
