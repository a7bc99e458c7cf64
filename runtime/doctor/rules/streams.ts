import type { StreamInfo } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import { covers } from "../../core/subjects.ts";
import { ACK_WAIT_MS } from "../../nats/consume/ack_wait.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { connected, known } from "../facts.ts";
import { NEARLY_FULL, percent, size, span } from "../format.ts";
import { eventStreams, limitsOf, weirStreams } from "../project_streams.ts";
import { type Rule, rulesOf, type Violation } from "../rule.ts";

/** Milliseconds for which a publish may be repeated: a publisher retries for 8 s, and its last try may take 2 s. */
const PUBLISH_MS = 10_000;

export const STREAMS: readonly Rule[] = rulesOf("streams", [
  {
    id: "duplicate-window",
    holds: "the duplicate window of every stream covers the time in which an event may be published again",
    why: "A publisher retries for 10 seconds. Once an event is older than half the window, Weir itself looks for a " +
      "duplicate. With a shorter window an emitted event may be stored twice. In a work queue Weir cannot look, so the " +
      "window must cover the longest retry.",
    fix: '`duplicateWindow: "2m"` in defineStream, or longer; of DEAD_LETTERS and RETRIES, ' +
      "`nats stream edit STREAM --dupe-window=2m`",
    find: (facts) => {
      const { functions } = known(facts.project);
      return [...eventStreams(facts), ...weirStreams(facts)].flatMap((stream) =>
        duplicateWindow(stream, functions, facts.names)
      );
    },
  },
  {
    id: "discard-old",
    holds: "a full stream refuses new events",
    why:
      "With `discard: old` a full stream removes its oldest event for each new one, even if it was not handled, and " +
      "without a dead letter.",
    fix: "`nats stream edit STREAM --discard=new`: publishers then get an error when the stream is full",
    find: (facts) => discardingOld(eventStreams(facts), "events"),
  },
  {
    id: "stream-limits",
    holds: `no stream is more than ${NEARLY_FULL} % full`,
    why: "A full stream stores no event. The ingress answers 503. Functions that emit wait, and dead letters too.",
    fix: "raise the limit by `nats stream edit STREAM`, or delete messages",
    find: ({ streams }) =>
      [...known(streams).values()].filter(({ config }) => config.discard === "new").flatMap(({ config, state }) => {
        const { name: stream, max_bytes, max_msgs } = config;
        const usages = [
          [state.bytes, max_bytes, `${size(state.bytes)} of ${size(max_bytes)}`],
          [state.messages, max_msgs, `${state.messages} of ${max_msgs} messages`],
        ] as const;
        return usages.filter(([used, limit]) => limit > 0 && percent(used, limit) > NEARLY_FULL)
          .map(([used, limit, usage]): Violation => ({
            severity: used >= limit ? "error" : "warning",
            what: `the stream ${stream} is ${percent(used, limit)} % full: ${usage}`,
            stream,
          }));
      }),
  },
  {
    id: "message-size",
    holds: "every stream accepts messages of the size that the server accepts",
    why: "The stream refuses a larger event: the ingress answers 413, a function that emits it fails, and a retry " +
      "that RETRIES refuses cannot be delayed.",
    fix: "`nats stream edit STREAM --max-msg-size=-1`",
    find: ({ streams, connection }) => {
      const { maxPayload } = connected({ connection });
      return eachConfig(known(streams).values(), ({ max_msg_size }) => {
        if (max_msg_size <= 0 || max_msg_size >= maxPayload) return undefined;
        return `accepts messages of up to ${size(max_msg_size)}, and the server of up to ${size(maxPayload)}`;
      });
    },
  },
  {
    id: "memory",
    holds: "every stream is stored in files",
    why: "A stream in memory is lost when its server restarts.",
    fix: '`storage: "file"` in a new stream, since JetStream cannot change the storage of an existing one',
    find: ({ streams, project }) => {
      const declared = known(project).streams.filter(({ storage }) => storage === "memory").map(({ name }) => name);
      return eachConfig(known(streams).values(), ({ storage }) => storage === "memory" ? "is in memory" : undefined)
        .map((violation) => declared.includes(violation.stream) ? { ...violation, severity: "info" } : violation);
    },
  },
  {
    id: "accepts-events",
    severity: "error",
    holds: "no stream is sealed, a mirror or without acks",
    why: "A sealed stream or a mirror stores no event. A stream with no_ack sends no ack, so every publish times out.",
    fix: "`nats stream edit STREAM --ack`; for a sealed stream or a mirror, another stream",
    find: ({ streams }) =>
      eachConfig(known(streams).values(), ({ sealed, mirror, no_ack }) => {
        if (sealed) return "is sealed";
        if (mirror) return "is a mirror";
        return no_ack ? "has no_ack: it does not acknowledge events" : undefined;
      }),
  },
  {
    id: "interest",
    holds: "no stream of events has interest retention",
    why: "JetStream does not store an event that no consumer listens to yet. A new function starts without old events.",
    fix: "`nats stream edit STREAM --retention=limits`",
    find: (facts) =>
      eachConfig(
        eventStreams(facts),
        ({ retention }) => retention === "interest" ? "has interest retention" : undefined,
      ),
  },
]);

/** Rules on DEAD_LETTERS and RETRIES, which another client may have created or changed. */
export const OWN_STREAMS: readonly Rule[] = rulesOf("streams", [
  {
    id: "own-retention",
    severity: "error",
    holds: "DEAD_LETTERS has limits retention, and RETRIES is a work queue",
    why: "With another retention a dead letter is deleted once a consumer acks it, and a retry that is done is kept.",
    fix: "`nats stream rm STREAM` once it is empty; `start` creates it again",
    find: (facts) =>
      eachConfig(weirStreams(facts), ({ name, retention }) => {
        const needed = name === facts.names.retries.stream ? "workqueue" : "limits";
        return retention === needed ? undefined : `has retention ${retention} and should have ${needed}`;
      }),
  },
  {
    id: "own-age",
    holds: "DEAD_LETTERS and RETRIES have no max_age",
    why: "A dead letter is the last copy of an event. A retry may be delayed for as long as its function asks.",
    fix: "`nats stream edit STREAM --max-age=-1`",
    find: (facts) =>
      eachConfig(
        weirStreams(facts),
        ({ max_age }) => max_age > 0 ? `removes messages that are older than ${span(max_age / 1e6)}` : undefined,
      ).map((violation) =>
        violation.stream === facts.names.retries.stream ? { ...violation, severity: "error" } : violation
      ),
  },
  {
    id: "own-limits",
    severity: "error",
    holds: "DEAD_LETTERS and RETRIES do not discard old messages",
    why: "A full stream would remove dead letters or delayed retries, without any message about it.",
    fix: "`nats stream edit STREAM --max-bytes=-1 --max-msgs=-1 --max-msgs-per-subject=-1`",
    find: (facts) => discardingOld(weirStreams(facts), "messages"),
  },
  {
    id: "schedules",
    severity: "error",
    holds: "RETRIES allows message schedules",
    why:
      "Without schedules a delayed retry stays pending in its consumer and counts against max_ack_pending, so other " +
      "events wait.",
    fix: "`nats stream edit STREAM --discard=old --allow-schedules`: schedules need `discard: old`",
    find: (facts) =>
      eachConfig(
        weirStreams(facts),
        ({ name, allow_msg_schedules }) =>
          name === facts.names.retries.stream && !allow_msg_schedules ? "does not allow message schedules" : undefined,
      ),
  },
]);

/** Returns a violation for each stream that has a problem. */
function eachConfig(
  streams: Iterable<StreamInfo>,
  problemOf: (config: StreamInfo["config"]) => string | undefined,
): (Violation & { readonly stream: string })[] {
  return [...streams].flatMap(({ config }) => {
    const problem = problemOf(config), stream = config.name;
    return problem === undefined ? [] : [{ what: `the stream ${stream} ${problem}`, stream }];
  });
}

/** Returns a violation for each stream with a limit at which it removes old messages. */
function discardingOld(streams: readonly StreamInfo[], messages: string): Violation[] {
  return eachConfig(streams, (config) => {
    const limits = limitsOf(config);
    if (config.discard !== "old" || limits.length === 0) return undefined;
    return `discards old ${messages} when it is full (${limits.join(", ")})`;
  });
}

function duplicateWindow(
  { config }: StreamInfo,
  functions: readonly ResolvedFunction[],
  names: Namespace,
): Violation[] {
  const { name, retention, duplicate_window } = config, hasMs = duplicate_window / 1e6;
  const emitters = functions.filter(({ emits }) =>
    emits.some(({ type }) => config.subjects?.some((subject) => covers(subject, names.subject(type))))
  );
  const longestMs = Math.max(...emitters.map(({ policy }) => policy.retry.maxMs + policy.timeoutMs));
  const isQueue = retention !== "limits" && emitters.length > 0;
  const needsMs = isQueue ? longestMs + ACK_WAIT_MS + PUBLISH_MS : 2 * PUBLISH_MS;
  if (hasMs >= needsMs) return [];
  const reason = isQueue
    ? `functions may emit to this work queue again after ${span(needsMs)}`
    : `${span(needsMs)} is needed`;
  return [{ what: `the stream ${name} has a duplicate window of ${span(hasMs)}; ${reason}`, stream: name }];
}
