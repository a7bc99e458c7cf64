import { covers } from "../../core/subjects.ts";
import { connected, known } from "../facts.ts";
import type { Rule } from "../rule.ts";
import { eventStreams, limitsOf } from "../streams.ts";
import { percent, size, span } from "../format.ts";
import { ACK_WAIT_MS } from "../../nats/consume/ack_wait.ts";
import { DEAD_LETTERS } from "../../nats/dead_letters/dead_letters.ts";
import { RETRIES } from "../../nats/retry/retry_stream.ts";

/** A publisher tries for 8 s, and its last try may take 2 s to come. */
const PUBLISHING_MS = 10_000;
const NEARLY_FULL = 80;

/** The streams of the project's events. */
export const STREAMS: readonly Rule[] = [
  {
    id: "duplicate-window",
    area: "streams",
    holds: "ids are remembered for as long as something may be stored again under its id",
    why:
      "a publisher sends again for 10 seconds, and Weir looks for repeats itself only once they are older than half " +
      "the window: a shorter one lets an emitted event be stored twice; in a work queue the window is all there is",
    fix: '`duplicateWindow: "2m"` in defineStream',
    find: ({ project, streams }) => {
      const { functions } = known(project);
      const own = [DEAD_LETTERS.stream, RETRIES.stream].flatMap((name) => known(streams).get(name) ?? []);
      return [...eventStreams(known(project), known(streams)), ...own].flatMap(({ config }) => {
        const { name, retention, max_age } = config, has = config.duplicate_window / 1e6;
        const emitters = functions.filter(({ emits }) =>
          emits.some(({ type }) => config.subjects?.some((subject) => covers(subject, type)))
        );
        const longest = emitters.map(({ policy }) => policy.retry.maxMs + policy.timeoutMs).sort((a, b) => b - a)[0];
        const late = retention !== "limits" && longest !== undefined;
        const wanted = late ? longest + ACK_WAIT_MS + PUBLISHING_MS : 2 * PUBLISHING_MS;
        if (has >= wanted) return [];
        const window = span(Math.max(120_000, wanted));
        // JetStream remembers ids for no longer than it keeps what has them.
        const age = max_age > 0 && max_age / 1e6 < Math.max(120_000, wanted) ? ` maxAge: "${window}",` : "";
        const isOwn = own.some((one) => one.config.name === name);
        return [{
          severity: "warning",
          what: `the stream ${name} remembers ids for ${span(has)}; ${
            late ? `of a work queue's emitters a repeat may come after ${span(wanted)}` : `${span(wanted)} is needed`
          }`,
          fix: isOwn
            ? `nats stream edit ${name} --dupe-window=${window}`
            : `defineStream({ name: "${name}",${age} duplicateWindow: "${window}" }) in schemas/`,
        }];
      });
    },
  },
  {
    id: "discard-old",
    area: "streams",
    holds: "a stream that is full refuses events, and drops none that wait",
    why: "with `discard: old` the oldest event goes for each new one, handled or not, and without a dead letter",
    fix: "`nats stream edit NAME --discard=new`: publishers are then told that it is full",
    find: ({ project, streams }) =>
      eventStreams(known(project), known(streams)).filter((one) =>
        one.config.discard === "old" && limitsOf(one).length > 0
      ).map((one) => ({
        severity: "warning",
        what: `the stream ${one.config.name} discards old events when it is full (${limitsOf(one).join(", ")})`,
        fix: `nats stream edit ${one.config.name} --discard=new`,
      })),
  },
  {
    id: "stream-limits",
    area: "streams",
    holds: `no stream is more than ${NEARLY_FULL} % full`,
    why: "a full stream takes no event: the ingress answers 503, functions that emit wait, and so do dead letters",
    fix: "a higher limit, or less of what nobody needs any more",
    find: ({ streams }) =>
      [...known(streams).values()].filter(({ config }) => config.discard === "new").flatMap(({ config, state }) => {
        const parts = [
          [config.max_bytes, state.bytes, "max_bytes", `${size(state.bytes)} of ${size(config.max_bytes)}`],
          [config.max_msgs, state.messages, "max_msgs", `${state.messages} of ${config.max_msgs} messages`],
        ] as const;
        return parts.filter(([limit, used]) => limit > 0 && percent(used, limit) > NEARLY_FULL).map((
          [limit, used, name, said],
        ) => ({
          severity: used >= limit ? "error" as const : "warning" as const,
          what: `the stream ${config.name} is ${percent(used, limit)} % full: ${said}`,
          fix: `nats stream edit ${config.name} --${name.replaceAll("_", "-")}=${2 * limit}`,
        }));
      }),
  },
  {
    id: "message-size",
    area: "streams",
    holds: "streams take messages as large as the server and the ingress do",
    why: "the ingress refuses a larger event only once the stream has, with 413; one that a function emits fails it; " +
      "a retry that RETRIES does not take cannot be delayed",
    fix: "`nats stream edit NAME --max-msg-size=-1`",
    find: ({ streams, connection }) => {
      const most = connected({ connection }).maxPayload;
      return [...known(streams).values()].filter(({ config }) => config.max_msg_size > 0 && config.max_msg_size < most)
        .map(({ config: { name, max_msg_size } }) => ({
          severity: "warning",
          what: `the stream ${name} takes messages of up to ${size(max_msg_size)}, and the server of up to ${
            size(most)
          }`,
          fix: `nats stream edit ${name} --max-msg-size=-1`,
        }));
    },
  },
  {
    id: "memory",
    area: "streams",
    holds: "streams are kept on disk",
    why: "what is in memory alone is gone when its server restarts",
    fix: '`storage: "file"`, in a new stream: JetStream does not change it in place',
    find: ({ streams, project }) => {
      const declared = known(project).streams.filter(({ storage }) => storage === "memory").map(({ name }) => name);
      return [...known(streams).values()].filter(({ config }) => config.storage === "memory").map(({ config }) => ({
        severity: declared.includes(config.name) ? "info" as const : "warning" as const,
        what: `the stream ${config.name} is kept in memory${
          declared.includes(config.name) ? ", as it is declared" : ""
        }`,
        fix: `remove the stream ${config.name} once its events are handled, and let \`start\` make it anew`,
      }));
    },
  },
  {
    id: "takes-events",
    area: "streams",
    holds: "every stream takes events, and says that it has stored them",
    why: "a sealed stream or a mirror stores nothing, and one with no_ack leaves every publisher waiting",
    fix: "`nats stream edit NAME --ack`; for the others another stream",
    find: ({ streams }) =>
      [...known(streams).values()].flatMap(({ config }) => {
        const flaw = config.sealed
          ? "is sealed"
          : config.mirror
          ? "mirrors another"
          : config.no_ack
          ? "has no_ack: it does not answer"
          : undefined;
        if (flaw === undefined) return [];
        const fix = config.no_ack ? `nats stream edit ${config.name} --ack` : `declare another stream in schemas/`;
        return [{ severity: "error", what: `the stream ${config.name} ${flaw}`, fix }];
      }),
  },
];
