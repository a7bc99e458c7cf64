import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { z } from "zod";
import { defineEvent, type IngressOptions } from "../../../runtime/api/define_event.ts";
import { provideValues } from "../../../runtime/api/provided_values.ts";
import { valuesFrom } from "../../../runtime/app/own_config.ts";
import type { ServerClock } from "../../../runtime/engine/clock.ts";
import { PublishError } from "../../../runtime/engine/publisher.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { problemOf, setup } from "../../support/ingress.ts";

const NOW = 1_800_000_000, SECRET = "0pen-sesame";
const clock: ServerClock = { ...systemClock, serverNow: () => NOW * 1_000 };
const hmac = (text: string) => createHmac("sha256", SECRET).update(text).digest("hex");
const environment = { get: (name: string) => name === "HOOK" ? `older\n${SECRET}` : undefined, readFile: () => "" };

/** Creates a listener with one webhook at `/hook`, and a function that sends it signed requests. */
function webhook(scheme: "github" | "stripe" | "slack" | "hmac", ingress: Partial<IngressOptions> = {}) {
  const signature = { scheme, secret: "HOOK", ...(scheme === "hmac" && { header: "x-signature" }) };
  const Happened = defineEvent({
    type: "hooks.happened",
    version: 1,
    data: z.looseObject({ action: z.string() }),
    ingress: { route: "/hook", signature: signature as IngressOptions["signature"], ...ingress },
  });
  const Plain = defineEvent({ type: "hooks.plain", version: 1, data: z.unknown(), ingress: {} });
  const events = new Map(
    [[Happened.type, Happened], [Plain.type, Plain]].map(([type, event]) => [type as string, event]),
  );
  const listener = setup({
    events: events as never,
    clock,
    keys: [{ name: "shop", secret: "key", pattern: ">" }],
  });
  const headersFor: Record<typeof scheme, (body: string) => Record<string, string>> = {
    github: (body) => ({ "x-hub-signature-256": `sha256=${hmac(body)}`, "x-github-delivery": "d-1" }),
    stripe: (body) => ({ "stripe-signature": `t=${NOW},v1=${hmac(`${NOW}.${body}`)}` }),
    slack: (body) => ({
      "x-slack-signature": `v0=${hmac(`v0:${NOW}:${body}`)}`,
      "x-slack-request-timestamp": String(NOW),
    }),
    hmac: (body) => ({ "x-signature": hmac(body) }),
  };
  const post = async (body: string, headers: Record<string, string> = {}) => {
    const end = provideValues(valuesFrom(environment, "give HOOK"));
    try {
      const all = { "content-type": "application/json", ...headersFor[scheme](body), ...headers };
      return await listener.send("/hook", { body, headers: all });
    } finally {
      end();
    }
  };
  return { ...listener, post };
}

const BODY = '{"action":"opened"}';

Deno.test("POST to a webhook publishes the payload, under the sender's id, as the webhook's own event", async () => {
  const { post, publisher } = webhook("github");
  const response = await post(BODY);
  assert.equal(response.status, 202);
  const { id, stream } = await response.json();
  assert.deepEqual([id, stream], ["d-1", "ORDERS"]);
  const [{ time: _, ...event }] = publisher.published;
  assert.deepEqual(event, {
    id: "d-1",
    type: "hooks.happened",
    source: "/ingress/webhook:hooks.happened",
    json: BODY,
    version: 1,
    extensions: { authtype: "service_account", authid: "webhook:hooks.happened" },
  });
});

const ids: [scheme: "stripe" | "slack" | "github", payload: object, headers: Record<string, string>, id: string][] = [
  ["stripe", { action: "paid", id: "evt_7" }, {}, "evt_7"],
  ["slack", { action: "said", event_id: "Ev7" }, {}, "Ev7"],
  ["github", { action: "opened", id: 7 }, { "x-github-delivery": "72d3162e" }, "72d3162e"],
];
for (const [scheme, payload, headers, id] of ids) {
  Deno.test(`POST to a webhook of ${scheme} takes the sender's id`, async () => {
    const { post, publisher } = webhook(scheme);
    assert.equal((await post(JSON.stringify(payload), headers)).status, 202);
    assert.equal(publisher.published[0].id, id);
  });
}

Deno.test("POST to a webhook takes the id that ingress.id returns, or a random one", async () => {
  const { post, publisher } = webhook("hmac", {
    id: ({ key }, { headers }) => key && `${headers.get("x-shop")}-${key}`,
  });
  await post('{"action":"a","key":"k1"}', { "x-shop": "s1" });
  await post('{"action":"a"}');
  assert.deepEqual(publisher.published[0].id, "s1-k1");
  assert.match(publisher.published[1].id, /^[0-9a-f-]{36}$/);
});

Deno.test("POST to a webhook publishes what ingress.map returns, and nothing for undefined", async () => {
  const { post, publisher } = webhook("github", {
    map: ({ pull }, { headers }) => headers.get("x-github-event") === "pull" ? { action: pull.action } : undefined,
  });
  const body = '{"pull":{"action":"closed"}}';
  assert.equal((await post(body, { "x-github-event": "pull" })).status, 202);
  const ignored = await post(body, { "x-github-event": "star" });
  assert.equal(ignored.status, 204);
  assert.equal(await ignored.text(), "");
  assert.deepEqual(publisher.published.map(({ json }) => json), ['{"action":"closed"}']);
});

Deno.test("POST to a webhook of github answers a ping, and of slack a url_verification, and publishes nothing", async () => {
  const github = webhook("github"), slack = webhook("slack");
  assert.equal((await github.post('{"zen":"x"}', { "x-github-event": "ping" })).status, 204);
  const answer = await slack.post('{"type":"url_verification","token":"t","challenge":"3eZbrw1aB"}');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(await answer.text(), "3eZbrw1aB");
  assert.deepEqual([github.publisher.published, slack.publisher.published], [[], []]);
});

Deno.test("POST to a webhook reads a form, and the JSON in its field payload", async () => {
  const { post, publisher } = webhook("slack"), form = { "content-type": "application/x-www-form-urlencoded" };
  assert.equal((await post("action=said&text=a+b%21", form)).status, 202);
  assert.equal((await post(`payload=${encodeURIComponent('{"action":"pressed","n":1}')}`, form)).status, 202);
  const published = publisher.published.map(({ json }) => json);
  assert.deepEqual(published, ['{"action":"said","text":"a b!"}', '{"action":"pressed","n":1}']);
});

Deno.test("POST to a webhook checks the signature of the bytes, not of the text", async () => {
  const { post, publisher } = webhook("hmac");
  assert.equal((await post(`\ufeff${BODY}`)).status, 202);
  assert.equal(publisher.published[0].json, BODY);
});

const refusals: [what: string, body: string, headers: Record<string, string>, status: number, detail: RegExp][] = [
  ["a wrong signature", BODY, { "x-signature": hmac("other") }, 401, /is not that of this request$/],
  ["a wrong signature of no JSON", "{", { "x-signature": hmac("other") }, 401, /is not that of this request$/],
  ["an API key in place of the signature", BODY, { "x-signature": "", authorization: "Bearer key" }, 401, /./],
  ["no JSON", "{", {}, 400, /^the body is not JSON/],
  ["another content type", BODY, { "content-type": "text/plain" }, 415, /^the request has text\/plain/],
  ["an encoded body", BODY, { "content-encoding": "gzip" }, 415, /^the body is encoded: its bytes/],
  ["a payload that the schema refuses", '{"action":1}', {}, 400, /^the data does not match the schema/],
  ["a body above the limit", JSON.stringify({ action: "a".repeat(10_000) }), {}, 413, /larger than the limit/],
];
for (const [what, body, headers, status, detail] of refusals) {
  Deno.test(`POST to a webhook refuses ${what} with ${status}`, async () => {
    const { post, publisher } = webhook("hmac"), problem = await problemOf(await post(body, headers));
    assert.equal(problem.status, status);
    assert.match(problem.detail, detail);
    assert.deepEqual(publisher.published, []);
  });
}

Deno.test("POST to a webhook answers 500 when ingress.map throws, and logs the error", async () => {
  const { post, errors, publisher } = webhook("hmac", { map: ({ order }) => ({ action: order.action }) });
  assert.equal((await post(BODY)).status, 500);
  assert.match(String(errors[0]), /TypeError: Cannot read properties of undefined/);
  assert.deepEqual(publisher.published, []);
});

Deno.test("POST to a webhook answers 204 when the sender repeats an id with other data, and 422 for an id of ingress.id", async () => {
  const payload = JSON.stringify({ action: "paid", id: "evt_7", pending_webhooks: 1 });
  for (const [ingress, status] of [[{}, 204], [{ id: () => "evt_7" }, 422]] as const) {
    const { post, publisher } = webhook("stripe", ingress);
    publisher.answer = () => {
      throw new PublishError("id-taken", "id was used for other data");
    };
    assert.equal((await post(payload)).status, status);
  }
});

for (const id of [(payload: { number: number }) => payload.number, async () => await "1", () => null]) {
  Deno.test(`POST to a webhook answers 500 when ingress.id is ${id}, and logs the error`, async () => {
    const { post, errors, publisher } = webhook("hmac", { id: id as never });
    assert.equal((await post('{"action":"a","number":7}')).status, 500);
    assert.match(String(errors[0]), /TypeError: ingress.id of hooks.happened returned no text/);
    assert.deepEqual(publisher.published, []);
  });
}

Deno.test("POST to a webhook refuses a request without a signature before it reads the body", async () => {
  const { send, publisher } = webhook("github");
  let isRead = false;
  const body = new ReadableStream({ pull: () => void (isRead = true) }, { highWaterMark: 0 });
  const problem = await problemOf(await send("/hook", { body, headers: { "content-type": "application/json" } }));
  assert.deepEqual([problem.status, isRead], [401, false]);
  assert.equal(problem.detail, "the request has no signature: it is expected in x-hub-signature-256");
  assert.deepEqual(publisher.published, []);
});

Deno.test("POST /events refuses the event of a webhook, also with an API key", async () => {
  const { send, publisher } = webhook("github"), headers = { authorization: "Bearer key" };
  for (const path of ["/events/hooks.happened", "/events"]) {
    const envelope = { specversion: "1.0", id: "1", source: "/shop", type: "hooks.happened", data: { action: "a" } };
    const structured = { "content-type": "application/cloudevents+json", ...headers };
    const problem = await problemOf(await send(path, { json: envelope, headers: structured }));
    assert.equal(problem.status, 403);
    assert.equal(problem.detail, "hooks.happened is published by the signed requests to /hook alone");
  }
  assert.deepEqual(publisher.published, []);
});
