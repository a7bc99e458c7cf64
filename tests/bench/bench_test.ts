import assert from "node:assert/strict";
import { benchPath } from "./process.ts";
import type { Report } from "./report.ts";
import type { Spread } from "./rounds.ts";

async function bench(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", benchPath("main.ts"), ...args],
    env: { NO_COLOR: "1" },
  }).output();
  return { code, text: new TextDecoder().decode(stdout), errors: new TextDecoder().decode(stderr) };
}

Deno.test("bench measures every contestant, loses no event, and writes a report and a chart", async () => {
  const out = await Deno.makeTempDir({ prefix: "weir-bench-" });
  try {
    const size = ["--events=400", "--rounds=1", "--traces=1"];
    const drained = ["--handler=async,emit", "--contestants=weir,careful"]; // the other one has to be fetched
    const args = ["drain", "ingress", ...size, ...drained, "--json", `--out=${out}`];
    const { code, text, errors } = await bench(...args);
    assert.equal(code, 0, errors + text);
    assert.equal(errors, ""); // progress is printed to terminals only
    const report: Report = JSON.parse(text);
    assert.deepEqual(report, JSON.parse(await Deno.readTextFile(`${out}/bench.json`)));
    assert.match(await Deno.readTextFile(`${out}/bench.svg`), /^<svg /);

    const [drain, ingress] = report.sections;
    assert.deepEqual(drain.rows.map(({ name }) => name), [
      "async: bare loop",
      "async: Weir, 100 % traced",
      "async: careful loop, 100 % traced",
      "emit: bare loop",
      "emit: Weir, 100 % traced",
      "emit: careful loop, 100 % traced",
    ]);
    for (const { name, figures } of [drain, ingress].flatMap(({ rows }) => rows)) {
      assert.equal(figures.lost?.median, 0, name);
      assert.equal(figures.twice?.median, 0, name);
      assert.ok(figures["events/s"]!.median > 0, name);
    }
    const spans = drain.rows.map(({ figures }) => figures.spans?.median);
    assert.equal(spans[1], 1_600); // warm-up events included
    assert.ok(spans[2]! >= 320); // a fifth, and what it has begun when it is stopped
    assert.ok(drain.rows.every(({ figures }) => isSpread(figures["cold events/s"])));
    assert.match(report.noise, /^noise: .* the same loop took /);
    assert.ok(ingress.rows.every(({ figures }) => isSpread(figures["p99 ms"])));
    assert.ok(ingress.rows.every(({ figures }) => figures.refused?.median === 0));
    // Two traced endpoints, each once to warm up and once in the round, with 80 requests of one event and one of 200.
    assert.ok(Number(ingress.about.match(/(\d+) spans/)![1]) >= 2 * 2 * 81, ingress.about);
    assert.ok(drain.ratios.every(({ value }) => isSpread(value)));
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});

Deno.test("bench refuses an unknown scenario and lists those that exist", async () => {
  const { code, errors } = await bench("drian");
  assert.equal(code, 1);
  assert.match(errors, /there are: drain, flow, ingress, fan-out, fairness, features, long, start/);
});

Deno.test("bench refuses an unknown handler and lists those that exist", async () => {
  const { code, errors } = await bench("drain", "--handler=async,asink");
  assert.equal(code, 1);
  assert.match(errors, /"asink" is none of: async, sync, io, emit/);
});

function isSpread(value: Spread | undefined): boolean {
  return value !== undefined && value.least <= value.median && value.median <= value.most;
}
