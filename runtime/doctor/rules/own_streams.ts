import { RETRIES } from "../../nats/retry/retry_stream.ts";
import { span } from "../format.ts";
import { limitsOf, weirStreams } from "../project_streams.ts";
import { type Rule, rulesOf, type Violation } from "../rule.ts";

/** Rules on DEAD_LETTERS and RETRIES, which another client may have created or changed. */
export const OWN_STREAMS: readonly Rule[] = rulesOf("streams", [
  {
    id: "own-retention",
    holds: "DEAD_LETTERS has limits retention, and RETRIES is a work queue",
    why: "With another retention a dead letter is deleted once a consumer acks it, and a retry that is done is kept.",
    fix: "delete the stream once it is empty; `start` creates it again",
    find: (facts) =>
      weirStreams(facts).filter(({ config: { name, retention } }) => retention !== retentionOf(name)).map((
        { config: { name, retention } },
      ) => ({
        severity: "error",
        what: `the stream ${name} has retention ${retention} and should have ${retentionOf(name)}`,
        fix: `nats stream rm ${name} once it is empty (\`start\` creates it again)`,
      })),
  },
  {
    id: "own-age",
    holds: "DEAD_LETTERS and RETRIES have no max_age",
    why: "A dead letter is the last copy of an event. A retry may be delayed for as long as its function asks.",
    fix: "`nats stream edit NAME --max-age=-1`",
    find: (facts) =>
      weirStreams(facts).filter(({ config }) => config.max_age > 0).map(({ config: { name, max_age } }) => ({
        severity: name === RETRIES.stream ? "error" : "warning",
        what: `the stream ${name} removes messages that are older than ${span(max_age / 1e6)}`,
        fix: `nats stream edit ${name} --max-age=-1`,
      })),
  },
  {
    id: "own-limits",
    holds: "DEAD_LETTERS and RETRIES do not discard old messages",
    why: "A full stream would remove dead letters or delayed retries, without any message about it.",
    fix: "`nats stream edit NAME --max-bytes=-1 --max-msgs=-1 --max-msgs-per-subject=-1`",
    find: (facts) =>
      weirStreams(facts).filter((stream) => stream.config.discard === "old" && limitsOf(stream).length > 0).map(
        (stream) => {
          const { config: { name } } = stream, limits = limitsOf(stream);
          const options = limits.map((limit) => `--${limit.split(" ", 1)[0].replaceAll("_", "-")}=-1`);
          return {
            severity: "error",
            what: `the stream ${name} discards old messages when it is full (${limits.join(", ")})`,
            fix: `nats stream edit ${name} ${options.join(" ")}`,
          };
        },
      ),
  },
  {
    id: "schedules",
    holds: "RETRIES allows message schedules",
    why:
      "Without schedules a delayed retry stays pending in its consumer and counts against max_ack_pending, so other " +
      "events wait.",
    fix: "`nats stream edit RETRIES --discard=old --allow-schedules`: schedules need `discard: old`",
    find: (facts): Violation[] =>
      weirStreams(facts).filter(({ config }) => config.name === RETRIES.stream && !config.allow_msg_schedules)
        .map(() => ({
          severity: "error",
          what: `the stream ${RETRIES.stream} does not allow message schedules`,
          fix: `nats stream edit ${RETRIES.stream} --discard=old --allow-schedules`,
        })),
  },
]);

function retentionOf(name: string): string {
  return name === RETRIES.stream ? "workqueue" : "limits";
}
