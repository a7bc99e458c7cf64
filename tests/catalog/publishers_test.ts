import assert from "node:assert/strict";
import { catalogOf } from "../../runtime/catalog/catalog.ts";
import { publisherTypes } from "../../runtime/catalog/publishers.ts";
import { typeCheck } from "../support/type_check.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { registryOf } from "./events.ts";

const RIGHT = `
import type { CloudEvent, EventData, EventVersion, IngressType } from "./publishers.ts";
export const plain: EventData["shop.ordered"] = { id: "1", note: null, "strange name": 2 };
export const tree: EventData["shop.commented"] = { text: "a", replies: [{ text: "b", replies: [{ text: "c" }] }] };
export const paid: EventData["shop.paid"] = { total: { amount: 1, currency: "EUR" }, parts: [] };
export const moved: EventData["shop.moved"] = { by: "road", plate: 7 };
export const located: EventData["shop.located"] = { at: [1, 2, "x"], tags: { a: 1 } };
export const checked: EventData["shop.checked"] = { even: 2, count: 1 };
export const opened: EventData["shop.opened"] = undefined;
export const event: CloudEvent = { specversion: "1.0", type: "shop.pinged" };
export const ordered: CloudEvent<"shop.ordered"> = { specversion: "1.0", type: "shop.ordered", data: plain };
export const types: IngressType[] = ["shop.ordered"];
export const version: EventVersion["shop.ordered"] = 2;
`;
/** Payloads that a publisher must not send, each the only mistake of its file. */
const WRONG: Readonly<Record<string, string>> = {
  "a missing field": `EventData["shop.ordered"] = { note: null };`,
  "a field of another type": `EventData["shop.ordered"] = { id: 1, note: null };`,
  "an unknown field": `EventData["shop.ordered"] = { id: "1", note: null, nope: 1 };`,
  "a value that is no choice": `EventData["shop.paid"] = { total: { amount: 1, currency: "GBP" }, parts: [] };`,
  "a mistake in a recursion": `EventData["shop.commented"] = { text: "a", replies: [{ text: 1 }] };`,
  "a branch of a union without its field": `EventData["shop.moved"] = { by: "ship", plate: 7 };`,
  "a tuple that is too short": `EventData["shop.located"] = { at: [1], tags: {} };`,
  "data of an event without data": `EventData["shop.pinged"] = {};`,
  "a CloudEvent of another type": `CloudEvent<"shop.paid"> = { specversion: "1.0", type: "shop.ordered", data: {} };`,
  "a CloudEvent without its data": `CloudEvent<"shop.ordered"> = { specversion: "1.0", type: "shop.ordered" };`,
  "an internal type as one of the ingress": `IngressType = "secret.audited";`,
  "an unknown version": `EventVersion["shop.ordered"] = 1;`,
};

Deno.test("publisherTypes compiles, takes right payloads of every kind of schema, and refuses wrong ones", async () => {
  await using folder = await temporaryDirectory();
  const { path } = folder, write = (name: string, text: string) => Deno.writeTextFile(`${path}/${name}`, text);
  await write("deno.json", JSON.stringify({ lock: false }));
  await write("publishers.ts", publisherTypes(catalogOf(registryOf())));
  await write("right.ts", RIGHT);
  const lines = Object.entries(WRONG).map(([what, code], at) => {
    // Without an error on the next line, the compiler reports the comment itself.
    return `// @ts-expect-error: ${what}\nexport const wrong${at}: ${code}`;
  });
  await write(
    "wrong.ts",
    `import type * as all from "./publishers.ts";
type EventData = all.EventData; type EventVersion = all.EventVersion; type IngressType = all.IngressType;
type CloudEvent<Type extends all.EventType> = all.CloudEvent<Type>;\n${lines.join("\n")}\n`,
  );
  assert.equal(await typeCheck(path, "right.ts", "wrong.ts"), "");
});
