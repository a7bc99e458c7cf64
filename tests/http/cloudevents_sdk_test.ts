import assert from "node:assert/strict";
import { CloudEvent, HTTP } from "cloudevents";
import fc from "fast-check";
import { z } from "zod";
import { defineEvent } from "../../runtime/api/define_event.ts";
import { BATCH, setup } from "../support/ingress.ts";

const Any = defineEvent({ type: "orders.any", version: 1, data: z.any(), ingress: {} });

/** Text that the SDK can send in a header: it does not percent-encode. */
const text = fc.stringMatching(/^[!#$&'*+./0-9A-Za-z^_`|~-]{1,40}$/);
const event = fc.record({
  id: text,
  source: fc.webPath().filter((path) => path !== "" && !path.includes("%")),
  subject: text,
  tenant: text,
  data: fc.option(
    fc.object({ maxDepth: 2, withNullPrototype: false, values: [fc.string(), fc.boolean(), fc.integer()] }),
  ),
}, { requiredKeys: ["id", "source"] });

for (const mode of ["binary", "structured", "batch"] as const) {
  Deno.test(`POST /events publishes what the CloudEvents SDK sends in ${mode} mode, unchanged`, async () => {
    const { send, publisher } = setup({ events: new Map([["orders.any", Any]]) });
    await fc.assert(fc.asyncProperty(event, async ({ data, ...attributes }) => {
      const given = data ?? undefined;
      const sent = new CloudEvent({ ...attributes, type: "orders.any", ...(given !== undefined && { data: given }) });
      const message = mode === "binary" ? HTTP.binary(sent) : HTTP.structured(sent);
      const headers = new Headers(message.headers as Record<string, string>);
      if (mode === "batch") headers.set("content-type", BATCH);
      const text = message.body as string | undefined, body = mode === "batch" ? `[${text}]` : text;
      const response = await send("/events", { headers, body });
      assert.equal(response.status, 202, await response.clone().text());
      const { id, source, time, json, extensions } = publisher.published.at(-1)!,
        { subject, tenant } = extensions ?? {};
      assert.deepEqual([id, source, time, subject, tenant], [
        ...[sent.id, sent.source, sent.time, attributes.subject, attributes.tenant],
      ]);
      assert.deepEqual(json === "" ? undefined : JSON.parse(json), given && JSON.parse(JSON.stringify(given)));
    }));
  });
}
