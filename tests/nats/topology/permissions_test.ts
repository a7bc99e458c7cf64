import assert from "node:assert/strict";
import { resourcesOf } from "../../../runtime/app/resources.ts";
import { Namespace } from "../../../runtime/core/namespace.ts";
import { refusals } from "../../../runtime/doctor/rules/permissions.ts";
import { permissionsOf } from "../../../runtime/nats/topology/permissions.ts";
import { combine, streamNames } from "../../../runtime/nats/topology/resources.ts";
import { loadProject } from "../../../runtime/project/load_project.ts";
import { buildRegistry } from "../../../runtime/project/registry.ts";
import { event, fn, schemas } from "../../support/modules.ts";

const README = await Deno.readTextFile(new URL("../../../deploy/README.md", import.meta.url));

/** Returns the subjects of one action in a permission block of `deploy/README.md`. */
function subjects(block: string, action: "publish" | "subscribe") {
  const [, list] = new RegExp(`${action}: (?:\\{ *\\s*allow: )?\\[([^\\]]*)\\]`).exec(block)!;
  return { allow: [...list.replace(/#.*/g, "").matchAll(/"([^"]+)"/g)].map(([, subject]) => subject) };
}

for (
  const [name, block, applied] of [
    ["weir", /```\n(weir: \{[^`]*)```/, false],
    ["start --no-apply", /```\n(publish: \{[^`]*)```/, true],
  ] as const
) {
  Deno.test(`permissionsOf the example project returns nothing beyond the block for ${name} in deploy/README.md`, async () => {
    const parts = resourcesOf(await loadProject()), desired = combine(parts);
    const durables = desired.durables.map(({ stream, functionName }) => `${stream}.${functionName}`);
    const permissions = permissionsOf(parts, new Set(applied ? [...streamNames(desired), ...durables] : []));
    assert.ok(permissions.length > 30, `${permissions.length} permissions`);
    const text = block.exec(README)![1];
    const user = { user: name, publish: subjects(text, "publish"), subscribe: subjects(text, "subscribe") };
    assert.deepEqual(refusals(user, permissions), []);
  });
}

Deno.test("permissionsOf a project in a namespace names no subject, stream or consumer outside of it", async () => {
  const project = await loadProject(), { functions } = project;
  const permissions = permissionsOf(resourcesOf(project, functions, functions, new Namespace("eu")), new Set());
  const plain = permissionsOf(resourcesOf(project), new Set());
  assert.deepEqual(permissions.map(({ purpose }) => purpose), plain.map(({ purpose }) => purpose));
  const own = [
    /^eu\./,
    /^\$WEIR\.eu\.tail$/,
    /^\$KV\.eu_/,
    /^\$JS\.ACK\.eu_\w+\.eu_\w+\.>$/,
    /^\$JS\.API\.[A-Z.]+\.(KV_)?eu_/,
  ];
  const others = permissions.map(({ subject }) => subject).filter((subject) =>
    !own.some((pattern) => pattern.test(subject)) && !/ADVISORY\.CONSUMER\.\w+\.eu_\w+\.eu_\w+$/.test(subject)
  );
  assert.deepEqual([...new Set(others)].sort(), ["$JS.API.STREAM.NAMES", "_INBOX.>"]);
});

Deno.test("permissionsOf a project with a shared breaker names its bucket and its subject, also for a process that only calls the dependency", () => {
  const shared = { dependencies: { Payments: { shared: true } } };
  const project = buildRegistry([], [fn("ship", { on: "orders.>", ...shared }), fn("bill", { on: "bills.>" })]);
  const subjects = (names: string[], declared = project.functions) =>
    permissionsOf(
      resourcesOf(project, project.functions.filter(({ name }) => names.includes(name)), declared, new Namespace("eu")),
      new Set(),
    ).filter(({ subject }) => subject.includes("breakers")).map(({ action, subject }) => `${action} ${subject}`);
  const all = [
    "publish $JS.API.DIRECT.GET.KV_eu_weir_breakers.>",
    "publish $JS.API.STREAM.CREATE.KV_eu_weir_breakers",
    "publish $JS.API.STREAM.INFO.KV_eu_weir_breakers",
    "publish $JS.API.STREAM.MSG.GET.KV_eu_weir_breakers",
    "publish $KV.eu_weir_breakers.>",
    "publish $WEIR.eu.breakers",
    "subscribe $WEIR.eu.breakers",
  ];
  assert.deepEqual(subjects(["bill"]).sort(), all);
  assert.deepEqual(subjects(["ship"]).sort(), all);
  assert.deepEqual(subjects([]), [], "a process without functions shares nothing");
  assert.deepEqual(subjects(["bill"], project.functions.filter(({ name }) => name === "bill")), []);
});

Deno.test("permissionsOf a stream that Weir does not own lets it be read, and never created", () => {
  const Told = event("legacy.told", { stream: "LEGACY" });
  const parts = resourcesOf(buildRegistry([schemas("legacy", Told)], [fn("ship", { on: Told })]));
  const subjects = permissionsOf(parts, new Set()).map(({ subject }) => subject).filter((one) =>
    one.includes("LEGACY")
  );
  assert.deepEqual(subjects, [
    "$JS.API.STREAM.INFO.LEGACY",
    "$JS.API.STREAM.MSG.GET.LEGACY",
    "$JS.API.CONSUMER.INFO.LEGACY.ship",
    "$JS.API.CONSUMER.MSG.NEXT.LEGACY.ship",
    "$JS.ACK.LEGACY.ship.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.LEGACY.ship",
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.LEGACY.ship",
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.LEGACY.ship",
  ]);
});
