import type { StreamInfo } from "@nats-io/jetstream";
import { DEAD_LETTERS } from "../../nats/dead_letters/dead_letters.ts";
import { RETRIES } from "../../nats/retry/retry_stream.ts";
import { type Facts, known } from "../facts.ts";
import type { Found, Rule } from "../rule.ts";
import { limitsOf } from "../streams.ts";
import { span } from "../format.ts";

const OWN = [DEAD_LETTERS.stream, RETRIES.stream];
const REMOVE = (name: string) => `nats stream rm ${name} once it is empty (\`start\` makes it anew)`;

/** Weir's own streams, which somebody may have changed by hand, or made first. */
export const OWN_STREAMS: readonly Rule[] = [
  {
    id: "own-retention",
    area: "streams",
    holds: "DEAD_LETTERS keeps what is in it until somebody acts, and RETRIES until it is handled",
    why: "another retention drops dead letters when somebody reads them, or keeps retries that are done",
    fix: "remove the stream once it is empty; `start` makes it as it should be",
    find: (facts) =>
      own(facts).filter(({ config }) => config.retention !== wanted(config.name)).map(({ config }) => ({
        severity: "error",
        what: `the stream ${config.name} has retention ${config.retention} and should have ${wanted(config.name)}`,
        fix: REMOVE(config.name),
      })),
  },
  {
    id: "own-age",
    area: "streams",
    holds: "neither dead letters nor delayed retries are removed for their age",
    why: "a dead letter is the last trace of an event, and a delayed retry may wait for as long as it was told to",
    fix: "`nats stream edit NAME --max-age=-1`",
    find: (facts) =>
      own(facts).filter(({ config }) => config.max_age > 0).map(({ config: { name, max_age } }) => ({
        severity: name === RETRIES.stream ? "error" : "warning",
        what: `the stream ${name} removes what is older than ${span(max_age / 1e6)}`,
        fix: `nats stream edit ${name} --max-age=-1`,
      })),
  },
  {
    id: "own-limits",
    area: "streams",
    holds: "neither of them drops the oldest when it is full",
    why: "dead letters and delayed retries would be gone, and nobody told",
    fix: "`nats stream edit NAME --max-bytes=-1 --max-msgs=-1 --max-msgs-per-subject=-1`",
    find: (facts) =>
      own(facts).filter((one) => one.config.discard === "old" && limitsOf(one).length > 0).map((one) => ({
        severity: "error",
        what: `the stream ${one.config.name} discards the oldest when it is full (${limitsOf(one).join(", ")})`,
        fix: `nats stream edit ${one.config.name} ${
          limitsOf(one).map((limit) => `--${limit.split(" ", 1)[0].replaceAll("_", "-")}=-1`).join(" ")
        }`,
      })),
  },
  {
    id: "schedules",
    area: "streams",
    holds: "RETRIES may hold messages back until they are due",
    why:
      "without it no retry can be delayed: each event that should wait is held instead, and keeps others from running",
    fix: "`nats stream edit RETRIES --discard=old --allow-schedules`: schedules go with no other",
    find: (facts): Found[] =>
      own(facts).filter(({ config }) => config.name === RETRIES.stream && !config.allow_msg_schedules).map(() => ({
        severity: "error",
        what: `the stream ${RETRIES.stream} does not allow message schedules`,
        fix: `nats stream edit ${RETRIES.stream} --discard=old --allow-schedules`,
      })),
  },
];

function own({ streams }: Facts): StreamInfo[] {
  return OWN.flatMap((name) => known(streams).get(name) ?? []);
}

function wanted(name: string): string {
  return name === RETRIES.stream ? "workqueue" : "limits";
}
