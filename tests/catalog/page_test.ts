import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { z } from "zod";
import { catalogOf, publicPart } from "../../runtime/catalog/catalog.ts";
import { catalogPage } from "../../runtime/catalog/page.ts";
import { EVENTS, registryOf } from "./events.ts";

const bill = defineFunction({ on: EVENTS.Plain, emits: [EVENTS.Internal] }, () => {});
const catalog = catalogOf(registryOf(EVENTS, { bill }));

Deno.test("catalogPage shows each event with its fields, its routes, and who emits and handles it", () => {
  const page = catalogPage(catalog);
  for (const { type } of Object.values(EVENTS)) assert.ok(page.includes(`<section id="${type}">`), type);
  assert.match(page, /<dt>HTTP<dd><code>POST \/events\/shop\.ordered<\/code>, <code>POST \/orders<\/code>/);
  assert.match(page, /<dt>handled by<dd><code>bill<\/code>/);
  assert.match(page, /<dt>emitted by<dd><code>bill<\/code>/);
  assert.match(page, /<code>parts\[\]\.currency<\/code><td>&#34;EUR&#34; \| &#34;USD&#34;<td>yes/);
  assert.match(page, /<code>replies\[\]\.text<\/code>/);
});

Deno.test("catalogPage has no script and loads nothing", () => {
  assert.doesNotMatch(catalogPage(catalog), /<script|<link|<img|src=|https?:|@import|url\(/);
});

Deno.test("catalogPage of the public part shows no function and no internal event", () => {
  assert.doesNotMatch(catalogPage(publicPart(catalog)), /bill|secret|stream/);
});

Deno.test("catalogPage escapes text of the project", () => {
  const Evil = defineEvent({
    type: "evil.made",
    version: 1,
    data: z.object({ "<b>": z.string().default("<script>alert(1)</script>") }).describe("<img src=x onerror=1>"),
  });
  const page = catalogPage(catalogOf({ ...registryOf({ Evil }), project: "</title><script>" }));
  assert.doesNotMatch(page, /<script|<img|<b>&|<td><b>/);
});
