import assert from "node:assert/strict";
import { CHECK_OPTION } from "../support/type_check.ts";

const ROOT = new URL("../../", import.meta.url);

const SCHEMA = `
import { defineEvent, defineFunction } from "weir";
import { z } from "zod";
const Created = defineEvent({ type: "orders.created", version: 1, data: z.object({ orderId: z.string() }) });
const Paid = defineEvent({ type: "payments.captured", version: 1, data: z.object({ chargeId: z.string() }) });
const Mailed = defineEvent({ type: "mail.sent", version: 1, data: z.object({ to: z.string() }) });
`;

/**
 * Type-checks files as an author's editor does: in a folder of their own, with the project's import map. All at once,
 * since each check reads the types of every package.
 */
async function check(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
  try {
    const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
    const absolute = Object.entries<string>(imports)
      .map(([name, target]) => [name, target.startsWith("./") ? new URL(target, ROOT).href : target]);
    await Deno.writeTextFile(
      `${folder}/deno.json`,
      JSON.stringify({ imports: Object.fromEntries(absolute), nodeModulesDir: "none", lock: false }),
    );
    for (const [name, source] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, SCHEMA + source);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", CHECK_OPTION, "--quiet", ...Object.keys(files)],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const OPTIONS = (options: string) => `defineFunction({ on: Created, ${options} }, () => {});`;
const BODY = (body: string) => `defineFunction({ on: Created, emits: [Paid] }, async (event, ctx) => { ${body} });`;
/** Mistakes, each with a part of its error's first line. An editor shows that line, so it should name the mistake. */
const mistakes: [code: string, firstLine: RegExp | string][] = [
  [
    OPTIONS('tymeout: "5s"'),
    /'tymeout' does not exist in type 'FunctionOptions<.*'\. Did you mean to write 'timeout'\?$/,
  ],
  [OPTIONS('timeout: "soon"'), `Type '"soon"' is not assignable to type 'Duration | undefined'.`],
  [OPTIONS('timeout: "5 minutes"'), `Type '"5 minutes"' is not assignable to type 'Duration | undefined'.`],
  [OPTIONS("timeout: true"), "Type 'true' is not assignable to type 'Duration | undefined'."],
  [OPTIONS('maxAge: "1w"'), `Type '"1w"' is not assignable to type 'Duration | undefined'.`],
  [
    OPTIONS('concurrency: "16"'),
    /^Type 'string' is not assignable to type 'number \| AdaptiveConcurrency \| KeyConcurr/,
  ],
  [
    OPTIONS("concurrency: { perKey: 2, by: (event) => event.data.orderNumber }"),
    "Property 'orderNumber' does not exist on type '{ orderId: string; }'.",
  ],
  [OPTIONS('retry: { attempts: "3" }'), "Type 'string' is not assignable to type 'number'."],
  [OPTIONS("retry: { factor: 2n }"), "Type 'bigint' is not assignable to type 'number'."],
  [OPTIONS("retry: 3"), "Type 'number' has no properties in common with type 'RetryOptions'."],
  [OPTIONS('retry: { initial: "1y" }'), `Type '"1y"' is not assignable to type 'Duration | undefined'.`],
  [OPTIONS('retry: { jitter: "half" }'), `Type '"half"' is not assignable to type '"none" | "full" | undefined'.`],
  [OPTIONS("breaker: false"), "Type 'false' has no properties in common with type 'BreakerOptions'."],
  [OPTIONS('breaker: { openFor: "5" }'), `Type '"5"' is not assignable to type 'Duration | undefined'.`],
  [
    OPTIONS('dependencies: { Pay: { openfor: "5s" } }'),
    /'openfor' does not exist in type 'BreakerOptions'\. Did you mean to write 'openFor'\?$/,
  ],
  [OPTIONS('dependencies: ["Pay"]'), "Type 'string' has no properties in common with type 'BreakerOptions'."],
  [OPTIONS('idempotency: "yes"'), /^Type 'string' is not assignable to type 'boolean \| IdempotencyOptions</],
  [OPTIONS('idempotency: { ttl: "1w" }'), `Type '"1w"' is not assignable to type 'Duration | undefined'.`],
  [
    OPTIONS("idempotency: { key: (event) => event.data.orderNumber }"),
    "Property 'orderNumber' does not exist on type '{ orderId: string; }'.",
  ],
  [
    OPTIONS("emits: Paid"),
    /^Type 'EventDefinition<"payments\.captured", .*' is missing the following .* 'readonly EventD/,
  ],
  [OPTIONS('emits: ["payments.captured"]'), /^Type 'string' is not assignable to type 'EventDefinition</],
  ["defineFunction({ on: 7 }, () => {});", "Type 'number' is not assignable to type 'Trigger | readonly Trigger[]'."],
  ["defineFunction({ on: [Created, 7] }, () => {});", "Type 'number' is not assignable to type 'Trigger'."],
  ["defineFunction({ on: z.string() }, () => {});", /^Type 'ZodString' is not assignable to type 'Trigger \| readonly/],
  ["defineFunction({ emits: [Paid] }, () => {});", /is not assignable to parameter of type 'FunctionOptions</],
  ["defineFunction({ on: Created });", "Expected 2 arguments, but got 1."],
  [
    "defineFunction(() => {}, { on: Created });",
    /^Argument of type '\(\) => void' .* to parameter of type 'FunctionOptions</,
  ],
  ['defineFunction({ on: Created }, "handler");', /^Argument of type 'string' .* to parameter of type 'Handler</],
  [
    "defineFunction({ on: Created }, () => { await 1; });",
    /^'await' expressions are only allowed within async functions/,
  ],
  [
    "defineFunction({ on: [Created, Paid] }, (event) => { event.data.chargeId; });",
    "Property 'chargeId' does not exist on type '{ orderId: string; } | { chargeId: string; }'.",
  ],
  [BODY("event.data.orderNumber;"), "Property 'orderNumber' does not exist on type '{ orderId: string; }'."],
  [
    BODY("ctx.attempts;"),
    /^Property 'attempts' does not exist on type 'EmittingContext<.*\. Did you mean 'attempt'\?$/,
  ],
  [BODY("ctx.emit(Paid, { chargeId: 7 });"), "Type 'number' is not assignable to type 'string'."],
  [
    BODY("ctx.emit(Paid, {});"),
    "Argument of type '{}' is not assignable to parameter of type '{ chargeId: string; }'.",
  ],
  [BODY("ctx.emit(Paid);"), "Expected 2-3 arguments, but got 1."],
  [
    BODY('ctx.emit(Mailed, { to: "a@b.c" });'),
    /is not assignable to parameter of type '"mail\.sent is not in `emits`: add it there" & EventDefinition</,
  ],
  [
    "defineFunction({ on: Created }, (_, ctx) => { ctx.emit(Paid, { chargeId: 'c' }); });",
    /is not assignable to parameter of type '"payments\.captured is not in `emits`: add it there" & EventDefinition</,
  ],
  [
    BODY('ctx.emit("payments.captured", {});'),
    /^Argument of type '"payments.captured"' .* type '"an event itself, not its type, that is in `emits`" & Event/,
  ],
  [BODY('ctx.kv<{ n: number }>("a").put("k", { n: "1" });'), "Type 'string' is not assignable to type 'number'."],
  [BODY('(await ctx.kv<{ n: number }>("a").get("k")).value;'), "Object is possibly 'undefined'."],
  [BODY('(await ctx.kv("a").get("k"))?.value.n;'), "Object is of type 'unknown'."],
  [BODY("ctx.dependency(7);"), "Argument of type 'number' is not assignable to parameter of type 'string'."],
  [BODY('ctx.dependency("Pay")(() => 1);'), "This expression is not callable."],
  [
    'defineEvent({ type: "a.b", version: "1", data: z.string() });',
    "Type 'string' is not assignable to type 'number'.",
  ],
  ['defineEvent({ type: "a.b", version: 1, data: { a: z.string() } });', /'a' does not exist in type 'SomeType'\.$/],
  [
    'defineEvent({ type: "a.b", version: 1, data: z.string(), ingres: {} });',
    /'ingres' does not exist in type 'EventOptions<.*'\. Did you mean to write 'ingress'\?$/,
  ],
  [
    'defineEvent({ type: "a.b", version: 1, data: z.string(), ingress: true });',
    /^Type 'true' .* type 'IngressOptions'\.$/,
  ],
];

// TypeScript has no type for "from 1" or "above zero". Generics over literals could refuse `concurrency: 0`, but their
// error is "Type 'number' is not assignable to type 'undefined'". The loader's error is better.
const RIGHT = [
  'export default defineFunction({ on: Created, emits: [Paid], timeout: "5s" }, (event, ctx) => {',
  "  ctx.emit(Paid, { chargeId: event.data.orderId });",
  "});",
  OPTIONS("retry: { attempts: 0, factor: 0.5 }, concurrency: 1.5, timeout: -5"),
  OPTIONS('timeout: "-5s", maxAge: "0s", breaker: { halfOpenProbes: 0 }, idempotency: { ttl: "10ms" }'),
];

Deno.test("defineFunction refuses every mistake on its own line, named in the first line of the error, and nothing that only the loader refuses", async () => {
  const before = SCHEMA.split("\n").length - 1;
  const text = await check({ "ship.ts": mistakes.map(([code]) => code).join("\n"), "right.ts": RIGHT.join("\n") });
  assert.doesNotMatch(text, /right\.ts/);
  const said = new Map<number, string[]>();
  for (const block of text.split(/(?=^TS\d+ \[ERROR\]: \S)/m).filter((block) => block.startsWith("TS"))) {
    const line = Number(/ship\.ts:(\d+):/.exec(block)![1]) - before;
    said.set(line, [...said.get(line) ?? [], block.split("\n")[0].replace(/^TS\d+ \[ERROR\]: /, "")]);
  }
  for (const [i, [code, firstLine]] of mistakes.entries()) {
    const lines = said.get(i + 1) ?? [];
    assert.equal(lines.length, 1, `${code}\n${lines.join("\n")}\n${lines.length === 0 ? text : ""}`);
    if (typeof firstLine === "string") assert.equal(lines[0], firstLine, code);
    else assert.match(lines[0], firstLine, code);
  }
});
