import assert from "node:assert/strict";
import { dataSchemaOf } from "../../runtime/core/schema_version.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

/** Events of each phase: before the deploy, while both releases run, and after it. */
const EACH = 30;

const FUNCTION = `import { defineFunction } from "weir";
import { Ordered } from "../schemas/shop.ts";
export default defineFunction({ on: Ordered }, ({ data }, ctx) => ctx.log.info("handled", { n: data.n, total: data.total }));
`;
const schemas = (version: number, total: string, more = "") =>
  `import { defineEvent } from "weir";
import { z } from "zod";
export const Ordered = defineEvent({
  type: "shop.ordered",
  version: ${version},
  data: z.object({ n: z.int(), total: ${total} }),
  ingress: {},
  ${more}
});
`;
const BEFORE = { "schemas/shop.ts": schemas(1, "z.int()"), "functions/record.ts": FUNCTION };
const AFTER = {
  "schemas/shop.ts": schemas(
    2,
    "z.object({ cents: z.int() })",
    "upcasts: { 1: (data: { n: number; total: number }) => ({ n: data.n, total: { cents: data.total } }) },",
  ),
  "functions/record.ts": FUNCTION,
};

interface Handled {
  readonly n: number;
  readonly total: unknown;
}

function handledBy({ lines }: Program): Handled[] {
  return lines.filter((line) => line.includes('"handled"')).map((line) => JSON.parse(line));
}

Deno.test("start of a release with an upcast takes over from the earlier one: both work at once, and each event is handled", async () => {
  await using server = await startServer();
  await using before = await copyProjectWith(BEFORE);
  await using after = await copyProjectWith(AFTER);
  const start = async (project: string) => {
    const ports = freePorts("PORT", "ADMIN_PORT"), env = { ...ports, HOST: "127.0.0.1", NATS_URL: server.url };
    const program = startWeir(project, ["start"], { ...env, LOG_LEVEL: "info", WEIR_AUTH: "none" });
    await program.waitForLog(({ message }) => message === "ready");
    return { program, url: `http://127.0.0.1:${ports.PORT}/events/shop.ordered` };
  };
  let posted = 0;
  const post = async (url: string, total: unknown, headers: Record<string, string> = {}) => {
    const body = JSON.stringify({ n: posted++, total });
    const response = await fetch(url, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers },
    });
    assert.equal(response.status, 202, await response.text());
  };
  const first = await start(before.path);
  await using old = first.program;
  for (let n = 0; n < EACH; n++) await post(first.url, n);
  const second = await start(after.path);
  await using next = second.program;
  for (let n = 0; n < EACH; n += 2) {
    await post(first.url, n);
    await post(second.url, { cents: n });
  }
  old.kill("SIGTERM");
  // Publishers of the earlier release go on, and say so.
  for (let n = 0; n < EACH; n += 2) {
    await post(second.url, n, { "ce-dataschema": dataSchemaOf("shop.ordered", 1) });
    await post(second.url, { cents: n });
  }
  await old.status;
  await eventually(() => new Set([...handledBy(old), ...handledBy(next)].map(({ n }) => n)).size === posted);
  assert.ok(handledBy(old).every(({ total }) => typeof total === "number"));
  assert.ok(handledBy(next).every(({ total }) => typeof (total as { cents: unknown }).cents === "number"));
  assert.doesNotMatch([...old.lines, ...next.lines].join("\n"), /dead letter/);
});
