import { RETRIES } from "../../nats/retry/retry_stream.ts";
import { span } from "../format.ts";
import { weirStreams } from "../project_streams.ts";
import { type Rule, rulesOf } from "../rule.ts";
import { discardingOld, eachConfig } from "./streams.ts";

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
        const needed = name === RETRIES.stream ? "workqueue" : "limits";
        return retention === needed ? undefined : `has retention ${retention} and should have ${needed}`;
      }),
  },
  {
    id: "own-age",
    severity: "warning",
    holds: "DEAD_LETTERS and RETRIES have no max_age",
    why: "A dead letter is the last copy of an event. A retry may be delayed for as long as its function asks.",
    fix: "`nats stream edit STREAM --max-age=-1`",
    find: (facts) =>
      eachConfig(
        weirStreams(facts),
        ({ max_age }) => max_age > 0 ? `removes messages that are older than ${span(max_age / 1e6)}` : undefined,
      ).map((violation) => violation.stream === RETRIES.stream ? { ...violation, severity: "error" } : violation),
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
          name === RETRIES.stream && !allow_msg_schedules ? "does not allow message schedules" : undefined,
      ),
  },
]);
