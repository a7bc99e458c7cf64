import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

const SCHEMA = `
import { defineEvent, defineFunction } from "weir";
import { z } from "zod";
const Created = defineEvent({ type: "orders.created", version: 1, data: z.object({ orderId: z.string() }) });
const Paid = defineEvent({ type: "payments.captured", version: 1, data: z.object({ chargeId: z.string() }) });
const Mailed = defineEvent({ type: "mail.sent", version: 1, data: z.object({ to: z.string() }) });
`;

/** Type-checks a file as a user's editor would: in a folder of its own, with the project's import map. */
async function check(source: string): Promise<{ ok: boolean; text: string }> {
  const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
  try {
    const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
    const absolute = Object.entries<string>(imports)
      .map(([name, target]) => [name, target.startsWith("./") ? new URL(target, ROOT).href : target]);
    await Deno.writeTextFile(
      `${folder}/deno.json`,
      JSON.stringify({ imports: Object.fromEntries(absolute), nodeModulesDir: "none", lock: false }),
    );
    await Deno.writeTextFile(`${folder}/ship.ts`, SCHEMA + source);
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "ship.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    return { ok: success, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a function that is right passes the type check", async () => {
  const { ok, text } = await check(`
    export default defineFunction({ on: Created, emits: [Paid], timeout: "5s" }, (event, ctx) => {
      ctx.emit(Paid, { chargeId: event.data.orderId });
    });
  `);
  assert.ok(ok, text);
});

Deno.test("every mistake in a function fails the type check with its name and its line", async () => {
  const { ok, text } = await check(`
export default defineFunction({ on: Created, emits: [Paid] }, (event, ctx) => {
  ctx.emit(Paid, { chargeId: 7 });
  ctx.emit(Mailed, { to: "a@b.c" });
  event.data.orderNumber;
});
export const options = defineFunction({ on: Created, tymeout: "5s" }, () => {});
export const duration = defineFunction({ on: Created, timeout: "soon" }, () => {});
`);
  assert.equal(ok, false);
  const expected: [line: number, text: RegExp][] = [
    [9, /Type 'number' is not assignable to type 'string'/],
    [10, /Argument of type 'EventDefinition<"mail\.sent".* is not assignable/],
    [11, /Property 'orderNumber' does not exist on type '\{ orderId: string; \}'/],
    [13, /'tymeout' does not exist in type/],
    [14, /Type '"soon"' is not assignable to type 'Duration/],
  ];
  for (const [line, message] of expected) {
    assert.match(text, message);
    assert.match(text, new RegExp(`ship\\.ts:${line}:`));
  }
  assert.match(text, /Found 5 errors/);
});
