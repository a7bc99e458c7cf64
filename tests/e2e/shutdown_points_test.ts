import assert from "node:assert/strict";
import { mapAtMost } from "../support/at_once.ts";
import {
  ACK,
  actAt,
  CLAIM,
  COUNTS,
  DELAY,
  DONE,
  EMIT,
  LETTER,
  type Moment,
  NAK,
  ROWS_AT_ONCE,
  settlingProject,
  TERM,
} from "./settling_points.ts";

/** Points of settling at which the process gets SIGTERM, and the number of handler runs that follows. */
const rows: (Omit<Moment, "when"> & { readonly runs: number })[] = [
  { what: "succeeds", point: EMIT, runs: 1 },
  { what: "succeeds", point: ACK, runs: 1 },
  { what: "fails first", point: COUNTS, runs: 2 },
  { what: "fails first", point: NAK, runs: 2 },
  { what: "rejects", point: COUNTS, runs: 1 },
  { what: "rejects", point: LETTER, runs: 1 },
  { what: "rejects", point: TERM, runs: 1 },
  { what: "is delayed first", point: DELAY, runs: 2 },
  { what: "is delayed first", point: ACK, runs: 2 },
  { what: "succeeds", point: CLAIM, idempotency: true, runs: 1 },
  { what: "succeeds", point: DONE, idempotency: true, runs: 1 },
];

Deno.test("[G9] SIGTERM at any point of settling lets the process finish it, and repeats nothing", async () => {
  await using project = await settlingProject();
  const ends = await mapAtMost(ROWS_AT_ONCE, rows, async (row) => {
    const end = await actAt({ ...row, when: "during" }, project.path, async (program) => {
      program.kill("SIGTERM");
      await program.waitForLog(({ message }) => message === "shutting down");
    });
    return [name(row), end] as const;
  });
  const expected = rows.map((row) => {
    const dead = row.what === "rejects" ? 1 : 0;
    return [name(row), { runs: row.runs, answered: 1 - dead, dead, code: 0 }] as const;
  });
  assert.deepEqual(Object.fromEntries(ends), Object.fromEntries(expected));
});

function name({ what, point, idempotency }: Omit<Moment, "when">): string {
  return `${what}${idempotency ? " (idempotency)" : ""}: SIGTERM at ${point.payload ?? ""} ${point.subject}`;
}
