import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { defineEvent } from "weir";
import { z } from "zod";
import { catalogOf, publicPart } from "../../runtime/catalog/catalog.ts";
import { openApi } from "../../runtime/catalog/openapi.ts";
import { refusals } from "../../runtime/catalog/openapi_responses.ts";
import { EVENTS, registryOf } from "./events.ts";
import { deadReferences } from "./references.ts";

const catalog = catalogOf({ ...registryOf(), project: "shop", version: "1.2.3" });

for (const needsKey of [true, false]) {
  Deno.test(`openApi is a valid OpenAPI document of every kind of schema, ${needsKey ? "with" : "without"} keys`, async () => {
    const document = openApi(catalog, { needsKey, server: "https://events.example.com" });
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    assert.ok(valid, JSON.stringify(errors));
    assert.deepEqual(deadReferences(document), []);
  });
}

Deno.test("openApi without events is a valid document", async () => {
  const document = openApi(catalogOf(registryOf({})), { needsKey: true });
  assert.ok((await new Validator().validate(structuredClone(document))).valid);
});

Deno.test("openApi has the routes of the ingress, and shows no internal event", () => {
  const { paths, info } = openApi(catalog, { needsKey: true }) as Record<string, Record<string, unknown>>;
  const open = Object.values(EVENTS).filter(({ ingress }) => ingress);
  assert.deepEqual(
    Object.keys(paths).sort(),
    ["/events", "/orders", ...open.map(({ type }) => `/events/${type}`)].sort(),
  );
  assert.deepEqual([info.title, info.version], ["shop", "1.2.3"]);
  assert.doesNotMatch(JSON.stringify(openApi(catalog, { needsKey: true })), /secret/);
});

Deno.test("openApi asks for a key only where the ingress does", () => {
  assert.deepEqual(openApi(catalog, { needsKey: true }).security, [{ apiKey: [] }]);
  assert.deepEqual(openApi(catalog, { needsKey: false }).security, []);
  const { security, components } = openApi(catalog, { needsKey: true, takesTokens: true }) as Record<string, unknown>;
  assert.deepEqual(security, [{ apiKey: [] }, { token: [] }]);
  const { securitySchemes } = components as { securitySchemes: { token: { bearerFormat: string } } };
  assert.equal(securitySchemes.token.bearerFormat, "JWT");
});

Deno.test("openApi marks a body as required unless the event may lack data", () => {
  const { paths } = openApi(catalog, { needsKey: true }) as {
    paths: Record<string, { post: { requestBody: { required: boolean } } }>;
  };
  const required = (type: string) => paths[`/events/${type}`].post.requestBody.required;
  assert.deepEqual(["shop.ordered", "shop.pinged", "shop.opened"].map(required), [true, false, false]);
});

Deno.test("publicPart leaves the types that the caller may publish", () => {
  const part = publicPart(catalog, (type) => type === "shop.paid" || type === "secret.audited");
  assert.deepEqual(part.events.map(({ type }) => type), ["shop.paid"]);
});

Deno.test("refusals has the statuses of the ingress that http/README.md lists", async () => {
  const page = await Deno.readTextFile(new URL("../../runtime/http/README.md", import.meta.url));
  const table = page.slice(page.indexOf("## Errors"), page.indexOf("## Limits"));
  const listed = new Set([...table.matchAll(/^\| (\d{3}) /gm)].map(([, status]) => status));
  // Every listed path has its method, and a dead letter is of the admin listener.
  for (const other of ["405", "409"]) listed.delete(other);
  assert.deepEqual(Object.keys(refusals()).sort(), [...listed].sort());
});

const Confirmed = defineEvent({ type: "shop.confirmed", version: 1, data: z.object({ id: z.string() }) });
const Asked = defineEvent({
  type: "shop.asked",
  version: 1,
  data: z.object({ id: z.string() }),
  ingress: { reply: { events: [Confirmed], by: "id" } },
});
const Followed = defineEvent({
  type: "shop.followed",
  version: 1,
  data: z.object({ id: z.string() }),
  ingress: { progress: true },
});
const Pushed = defineEvent({
  type: "github.pushed",
  version: 1,
  data: z.object({ repository: z.string() }),
  ingress: { route: "/webhooks/github", signature: { scheme: "github", secret: "GITHUB_SECRET" } },
});

Deno.test("openApi shows the reply to an event, and no webhook, which takes only what its service has signed", async () => {
  const whole = catalogOf(registryOf({ Confirmed, Asked, Pushed })), document = openApi(whole, { needsKey: true });
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors));
  const { paths } = document as { paths: Record<string, { post: Record<"parameters" | "responses", object> }> };
  assert.deepEqual(Object.keys(paths), ["/events/shop.asked", "/events"]);
  assert.ok("200" in paths["/events/shop.asked"].post.responses);
  assert.match(JSON.stringify(paths["/events/shop.asked"].post.parameters), /"Prefer"/);
  assert.deepEqual(publicPart(whole).events, [Asked]);
});

Deno.test("openApi shows how an event is followed where one can be, and how a body may be encoded", async () => {
  const document = openApi(catalogOf(registryOf({ Asked, Confirmed, Followed })), { needsKey: true });
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors));
  assert.deepEqual(deadReferences(document), []);
  const { paths } = document as { paths: Record<string, Record<string, { parameters: { name: string }[] }>> };
  assert.deepEqual(Object.keys(paths), [
    "/events/shop.asked",
    "/events/shop.followed",
    "/events",
    "/events/{id}/progress",
  ]);
  const names = (operation: { parameters: { name: string }[] }) => operation.parameters.map(({ name }) => name);
  assert.deepEqual(names(paths["/events/{id}/progress"].get), ["id", "stream", "sequence", "source", "Prefer"]);
  assert.ok(names(paths["/events"].post).includes("Content-Encoding"));
  assert.equal(
    "/events/{id}/progress" in (openApi(catalogOf(registryOf({ Asked, Confirmed })), { needsKey: true })
      .paths as object),
    false,
  );
});
