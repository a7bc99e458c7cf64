import assert from "node:assert/strict";
import process from "node:process";
import { jsonLines, listLines, table } from "../../../runtime/cli/terminal/table.ts";

const HEAD = ["name", "waiting"], ROWS = [["a\nb", 1], ["longer", 22], { below: "why" }];

Deno.test("table writes a line for each row in a pipe, with aligned columns", () => {
  assert.equal(
    table(HEAD, ROWS, { terminal: false, colours: false }),
    ["name    waiting", "a, b    1", "longer  22", "  why"].join("\n"),
  );
});

Deno.test("table writes a rule under the head on a terminal, and none between rows", () => {
  assert.equal(
    table(HEAD, ROWS, { terminal: true, colours: false, columns: 19 }),
    ["name    waiting", "───────────────", "a       1", "b", "longer  22", "  why"].join("\n"),
  );
});

for (const columns of [20, 40, 80, 120]) {
  Deno.test(`table cuts its widest column to fit a terminal of ${columns} columns`, () => {
    const rows = [["short", "long ".repeat(40), 7], { below: "x".repeat(200) }];
    const lines = table(["name", "text", "n"], rows, { terminal: true, colours: false, columns }).split("\n");
    assert.deepEqual(lines.filter((line) => line.length > columns), []);
    assert.match(lines[2], /^short {2}(long )+.*… +7$/);
    assert.match(lines[3], /^ {2}x+…$/);
  });
}

Deno.test("table aligns text in which a character takes two columns", () => {
  const rows = [["注文", "a"], ["order", "b"]], target = { terminal: true, colours: false, columns: 40 };
  assert.deepEqual(table(["id", "n"], rows, target).split("\n").slice(2), ["注文   a", "order  b"]);
});

Deno.test("table aligns heads that have colours", () => {
  const [head] = table(["one", "two"], [["a", "b"]], { terminal: true, colours: true, columns: 40 }).split("\n");
  assert.equal(head, "\x1b[1mone  two\x1b[22m");
});

/** Items as a stream sends them, and how many were read. */
function reading(count: number) {
  const read = { items: 0 };
  async function* items() {
    for (let id = 1; id <= count; id++) {
      read.items++;
      yield await Promise.resolve({ id: `o${id}`, error: "no" });
    }
  }
  return { read, items: items() };
}

Deno.test("listLines writes a long list while it is read", async () => {
  const { read, items } = reading(10_000);
  const lines = listLines(items, () => [["id", "id", ({ id }) => id]], { terminal: false, colours: false });
  assert.deepEqual((await lines[Symbol.asyncIterator]().next()).value, "id    error");
  assert.ok(read.items < 1_000, `${read.items} were read before the first line`);
});

for (const terminal of [true, false]) {
  Deno.test(`listLines formats ten thousand items within a second ${terminal ? "on a terminal" : "in a pipe"}`, async () => {
    const { items } = reading(10_000), { user } = process.cpuUsage();
    const columns = Array.from({ length: 7 }, () => ["id", "id", ({ id }: { id: string }) => id] as const);
    const lines = listLines(items, () => columns, { terminal, colours: false, columns: 60 });
    assert.equal((await Array.fromAsync(lines)).length, terminal ? 20_002 : 10_001);
    assert.ok(process.cpuUsage().user - user < 1_000_000, `${process.cpuUsage().user - user} µs`);
  });
}

Deno.test("listLines writes nothing for an empty list", async () => {
  const lines = listLines([], () => [["id", "id", () => ""]], { terminal: false, colours: false });
  assert.deepEqual(await Array.fromAsync(lines), []);
});

for (const count of [0, 1, 3]) {
  Deno.test(`jsonLines writes a JSON array of ${count} items, as JSON.stringify indents it`, async () => {
    const text = (await Array.fromAsync(jsonLines(reading(count).items))).join("\n");
    assert.equal(text, JSON.stringify(await Array.fromAsync(reading(count).items), null, 2));
  });
}

Deno.test("jsonLines indents only JSON that is not deep, whose indentation takes quadratic room", async () => {
  const deep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000));
  const text = (await Array.fromAsync(jsonLines([deep]))).join("\n");
  assert.ok(text.length < 250_000, `${text.length}`);
});

for (const terminal of [true, false]) {
  Deno.test(`table and listLines show forged text on one line ${terminal ? "on a terminal" : "in a pipe"}`, async () => {
    const forged = "o1\u001b[2J\u009b1A\u202e\r", target = { terminal, colours: true, columns: 60 };
    const item = { error: `${forged}${forged}`, id: forged };
    const text = [
      table(["id"], [[forged], { below: forged }], target),
      ...await Array.fromAsync(listLines([item], () => [["id", "id", ({ id }) => id]], target)),
    ].join("\n");
    // deno-lint-ignore no-control-regex -- colours of the table itself
    assert.doesNotMatch(text.replace(/\u001b\[\d+m/g, ""), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    assert.match(text, /o1 \[2J 1A\\u\{202e\}/);
  });
}
