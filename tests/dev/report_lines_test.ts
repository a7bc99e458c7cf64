import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { problemLine } from "../../runtime/dev/report_lines.ts";
import { partitionProblem } from "../../runtime/nats/topology/partition_changes.ts";

const CHANGE = { from: 4, to: 2 } as const;

for (
  const [problem, hint] of [
    ["SENDER is not set: who sends mails", /: who sends mails; dev reads variables once, so start it again, with/],
    [
      partitionProblem("ship", { ...CHANGE, waiting: 0, isPulled: true })!,
      /`from: "new"`; if only this dev runs, start it/,
    ],
    [partitionProblem("ship", { ...CHANGE, waiting: 3, isPulled: true })!, /`from: "new"`$/],
    ["functions/a.ts: unknown option tymeout", /^error functions\/a\.ts: unknown option tymeout$/],
  ] as const
) {
  Deno.test(`problemLine "${problem.slice(0, 40)} …" ends with what to do in dev: ${hint}`, () => {
    assert.match(stripVTControlCharacters(problemLine(problem)), hint);
  });
}
