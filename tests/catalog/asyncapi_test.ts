import assert from "node:assert/strict";
import { cron, defineFunction, type EventDefinition } from "weir";
import { asyncApi, publicAsyncApi } from "../../runtime/catalog/asyncapi.ts";
import { catalogOf, publicPart } from "../../runtime/catalog/catalog.ts";
import { Namespace } from "../../runtime/core/namespace.ts";
import { toolFolder } from "../support/npm_tools.ts";
import { EVENTS, registryOf } from "./events.ts";
import { deadReferences } from "./references.ts";

const { Plain, Shared, Internal } = EVENTS as Record<string, EventDefinition>;
const functions = {
  bill: defineFunction({ on: [Plain, Shared], emits: [Internal] }, () => {}),
  legacy: defineFunction({ on: ["legacy.*.seen", "old.>"] }, () => {}),
  nightly: defineFunction({ on: cron("0 3 * * *") }, () => {}),
};
const registry = registryOf(EVENTS, functions);

/** Prints the errors that the official parser finds in the documents of a file. */
const PARSE = `
import { Parser } from "@asyncapi/parser";
const errors = [];
for (const document of JSON.parse(Deno.readTextFileSync("documents.json"))) {
  const { diagnostics } = await new Parser().parse(JSON.stringify(document));
  // Its hint at a later AsyncAPI is no error.
  const found = diagnostics.filter(({ code }) => code !== "asyncapi-latest-version");
  errors.push(...found.map(({ message, path }) => path.join("/") + ": " + message));
}
console.log(JSON.stringify(errors));
`;

Deno.test("asyncApi and publicAsyncApi are valid by the official parser, for every kind of schema, function and trigger", async () => {
  const documents = [
    asyncApi(catalogOf(registry)),
    asyncApi(catalogOf(registry, new Namespace("staging"))),
    publicAsyncApi(publicPart(catalogOf(registry))),
  ];
  await using folder = await toolFolder();
  await folder.write("documents.json", JSON.stringify(documents));
  await folder.write("parse.js", PARSE);
  assert.deepEqual(JSON.parse(await folder.deno("run", "-A", "--quiet", "parse.js")), []);
  assert.deepEqual(documents.flatMap(deadReferences), []);
});

Deno.test("publicAsyncApi shows no internal event, function, stream or subject", () => {
  const document = publicAsyncApi(publicPart(catalogOf(registry)));
  assert.doesNotMatch(JSON.stringify(document), /secret|bill|jetstream|nats/i);
});

Deno.test("asyncApi has a channel for each event and an operation for what a function handles and emits", () => {
  const { channels, operations } = asyncApi(catalogOf(registry, new Namespace("staging"))) as {
    channels: Record<string, Record<string, unknown>>;
    operations: Record<string, Record<string, unknown>>;
  };
  assert.deepEqual(channels["shop.ordered"].address, "staging.shop.ordered");
  assert.equal(channels["shop.ordered"]["x-jetstream-stream"], "staging_SHOP");
  assert.equal(channels["legacy._any_.seen"].address, "staging.legacy.*.seen");
  const own = Object.keys(operations).filter((name) => !name.startsWith("ingress."));
  assert.deepEqual(own.slice(0, -1), [
    "bill.receives.shop.ordered",
    "bill.receives.shop.paid",
    "bill.sends.secret.audited",
    "legacy.receives.legacy._any_.seen",
    "legacy.receives.old._rest_",
  ]);
  assert.match(own.at(-1)!, /^nightly\.receives\.schedules\.nightly\./);
  assert.deepEqual(operations["bill.receives.shop.paid"]["x-jetstream-consumer"], {
    stream: "staging_SHOP",
    durable: "staging_bill",
  });
});
