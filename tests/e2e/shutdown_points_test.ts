import assert from "node:assert/strict";
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
  settlingProject,
  TERM,
} from "./settling_points.ts";

/** Every moment of settling at which a process can be asked to end, and how often the handler then runs. */
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
  { what: "succeeds", point: CLAIM, inbox: true, runs: 1 },
  { what: "succeeds", point: DONE, inbox: true, runs: 1 },
];

Deno.test("a process asked to end at any point of settling sees it through, and repeats nothing", async () => {
  await using project = await settlingProject();
  const ends = await Promise.all(rows.map(async (row) => {
    const end = await actAt({ ...row, when: "during" }, project.path, async (program) => {
      program.kill("SIGTERM");
      await program.waitForLog(({ message }) => message === "shutting down");
    });
    return [name(row), end] as const;
  }));
  const wanted = rows.map((row) => {
    const dead = row.what === "rejects" ? 1 : 0;
    return [name(row), { runs: row.runs, answered: 1 - dead, dead, code: 0 }] as const;
  });
  assert.deepEqual(Object.fromEntries(ends), Object.fromEntries(wanted));
});

function name({ what, point, inbox }: Omit<Moment, "when">): string {
  return `${what}${inbox ? " (inbox)" : ""}: asked at ${point.payload ?? ""} ${point.subject}`;
}
