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

/** Every moment of settling at which a process can die, and how often the handler then runs at the most. */
const rows: (Moment & { readonly runs: number })[] = [
  { what: "succeeds", point: EMIT, when: "before", runs: 2 },
  { what: "succeeds", point: EMIT, when: "after", runs: 2 },
  { what: "succeeds", point: ACK, when: "before", runs: 2 },
  { what: "succeeds", point: ACK, when: "after", runs: 1 },
  { what: "fails first", point: COUNTS, when: "before", runs: 2 },
  { what: "fails first", point: COUNTS, when: "after", runs: 2 },
  { what: "fails first", point: NAK, when: "before", runs: 2 },
  { what: "fails first", point: NAK, when: "after", runs: 2 },
  { what: "rejects", point: COUNTS, when: "before", runs: 2 },
  { what: "rejects", point: COUNTS, when: "after", runs: 1 }, // from here on its end is decided
  { what: "rejects", point: LETTER, when: "before", runs: 1 },
  { what: "rejects", point: LETTER, when: "after", runs: 1 },
  { what: "rejects", point: TERM, when: "before", runs: 1 },
  { what: "rejects", point: TERM, when: "after", runs: 1 },
  { what: "is delayed first", point: DELAY, when: "before", runs: 2 },
  { what: "is delayed first", point: DELAY, when: "after", runs: 3 }, // the delayed one and the one never acked
  { what: "is delayed first", point: ACK, when: "before", runs: 3 },
  { what: "is delayed first", point: ACK, when: "after", runs: 2 },
  { what: "is delayed for longer", point: DELAY, when: "after", runs: 2 },
  { what: "succeeds", point: CLAIM, when: "after", inbox: true, runs: 1 },
  { what: "succeeds", point: EMIT, when: "after", inbox: true, runs: 2 },
  { what: "succeeds", point: DONE, when: "before", inbox: true, runs: 2 },
  { what: "succeeds", point: DONE, when: "after", inbox: true, runs: 1 },
  { what: "succeeds", point: ACK, when: "before", inbox: true, runs: 1 },
  { what: "is delayed first", point: DELAY, when: "after", inbox: true, runs: 2 },
];

Deno.test("a process killed at any point of settling loses nothing, and repeats no more than is said", async () => {
  await using project = await settlingProject();
  // Together, since each has mostly to wait until JetStream delivers again what was in the killed process.
  const ends = await Promise.all(rows.map(async (row) => {
    const { code: _code, ...end } = await actAt(row, project.path, (program) => program.kill("SIGKILL"));
    return [name(row), end] as const;
  }));
  const wanted = rows.map((row) => {
    const dead = row.what === "rejects" ? 1 : 0;
    return [name(row), { runs: row.runs, answered: 1 - dead, dead }] as const;
  });
  assert.deepEqual(Object.fromEntries(ends), Object.fromEntries(wanted));
});

function name({ what, point, when, inbox }: Moment): string {
  return `${what}${inbox ? " (inbox)" : ""}: killed ${when} ${point.payload ?? ""} ${point.subject}`;
}
