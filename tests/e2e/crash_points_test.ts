import assert from "node:assert/strict";
import { mapAtMost } from "../support/at_once.ts";
import {
  ACK,
  actAt,
  CLAIM,
  COUNTS,
  DELAY,
  DONE,
  DUE_ACK,
  EMIT,
  LATER,
  LETTER,
  type Moment,
  NAK,
  ROWS_AT_ONCE,
  settlingProject,
  TERM,
} from "./settling_points.ts";

/** Points of settling at which the process is killed, and the number of handler runs that follows. */
const rows: (Moment & { readonly runs: number })[] = [
  { what: "is delayed for longer", point: DELAY, when: "after", runs: 2 }, // takes longest, so it begins first
  { what: "succeeds", point: EMIT, when: "before", runs: 2 },
  { what: "succeeds", point: EMIT, when: "after", runs: 2 },
  { what: "succeeds", point: ACK, when: "before", runs: 2 },
  { what: "succeeds", point: ACK, when: "after", runs: 1 },
  { what: "fails first", point: COUNTS, when: "before", runs: 2 },
  { what: "fails first", point: COUNTS, when: "after", runs: 2 },
  { what: "fails first", point: NAK, when: "before", runs: 2 },
  { what: "fails first", point: NAK, when: "after", runs: 2 },
  { what: "rejects", point: COUNTS, when: "before", runs: 2 },
  { what: "rejects", point: COUNTS, when: "after", runs: 1 }, // the stored attempts record its outcome
  { what: "rejects", point: LETTER, when: "before", runs: 1 },
  { what: "rejects", point: LETTER, when: "after", runs: 1 },
  { what: "rejects", point: TERM, when: "before", runs: 1 },
  { what: "rejects", point: TERM, when: "after", runs: 1 },
  { what: "is delayed first", point: DELAY, when: "before", runs: 2 },
  { what: "is delayed first", point: DELAY, when: "after", runs: 3 }, // the delayed retry, and the original that was not acked
  { what: "is delayed first", point: ACK, when: "before", runs: 3 },
  { what: "is delayed first", point: ACK, when: "after", runs: 2 },
  { what: "emits later", point: LATER, when: "before", runs: 2 },
  { what: "emits later", point: LATER, when: "after", runs: 2 }, // published before the event is redelivered
  { what: "emits later", point: ACK, when: "before", runs: 2 },
  { what: "emits later", point: EMIT, when: "before", runs: 1 },
  { what: "emits later", point: EMIT, when: "after", runs: 1 },
  { what: "emits later", point: DUE_ACK, when: "before", runs: 1 },
  { what: "emits later", point: DUE_ACK, when: "after", runs: 1 },
  { what: "succeeds", point: CLAIM, when: "after", idempotency: true, runs: 1 },
  { what: "succeeds", point: EMIT, when: "after", idempotency: true, runs: 2 },
  { what: "succeeds", point: DONE, when: "before", idempotency: true, runs: 2 },
  { what: "succeeds", point: DONE, when: "after", idempotency: true, runs: 1 },
  { what: "succeeds", point: ACK, when: "before", idempotency: true, runs: 1 },
  { what: "is delayed first", point: DELAY, when: "after", idempotency: true, runs: 2 },
];

Deno.test("[G1][G2][G5][G10][G11][G12][G13][G14] weir start acks an event only after its emitted events are stored, when killed at any point of settling, and repeats no more than the guarantee allows", async () => {
  await using project = await settlingProject();
  // Several at a time: each row waits until JetStream redelivers what the killed process held.
  const ends = await mapAtMost(ROWS_AT_ONCE, rows, async (row) => {
    const { code: _code, ...end } = await actAt(row, project.path, (program) => program.kill("SIGKILL"));
    return [name(row), end] as const;
  });
  const expected = rows.map((row) => {
    const dead = row.what === "rejects" ? 1 : 0;
    return [name(row), { runs: row.runs, answered: 1 - dead, dead }] as const;
  });
  assert.deepEqual(Object.fromEntries(ends), Object.fromEntries(expected));
});

function name({ what, point, when, idempotency }: Moment): string {
  return `${what}${idempotency ? " (idempotency)" : ""}: killed ${when} ${point.payload ?? ""} ${point.subject}`;
}
