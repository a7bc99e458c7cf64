import assert from "node:assert/strict";
import { request } from "node:http";
import { defineEvent, defineFunction } from "weir";
import { z } from "zod";
import { CSRF_HEADER } from "../../runtime/console/access.ts";
import { startConsole } from "../support/console.ts";

const Placed = defineEvent({ type: "shop.placed", version: 1, data: z.object({ orderId: z.string() }), ingress: {} });
const functions = { ship: defineFunction({ on: Placed }, () => {}) };
const KEY = "k3y-of-operators", API = "/console/api";

/** Routes by who may use them. `page` and `api` are the console's. */
const ROUTES = {
  open: ["GET /health", "GET /health/live", "GET /health/ready", "GET /problems", "GET /problems/unauthorized"],
  metrics: ["GET /metrics", "HEAD /metrics"],
  admin: [
    "GET /functions",
    "GET /dead-letters",
    "GET /dead-letters/groups",
    "GET /dead-letters/1",
    "POST /dead-letters/1/redrive",
    "POST /dead-letters/redrive",
    "DELETE /dead-letters/1",
    "GET /retries",
    "DELETE /retries/1",
    "GET /openapi.json",
    "GET /asyncapi.json",
    "GET /schemas/shop.placed",
    "GET /nothing",
    "POST /metrics/x",
  ],
  page: ["GET /", "GET /console", "GET /console/dead-letters", `GET ${API}/session`],
  api: [
    `GET ${API}/graph`,
    `GET ${API}/live`,
    `GET ${API}/functions/ship`,
    `POST ${API}/functions/ship/resume`,
    `GET ${API}/dead-letters`,
    `GET ${API}/dead-letters/groups`,
    `GET ${API}/dead-letters/1`,
    `POST ${API}/dead-letters/1/redrive`,
    `POST ${API}/dead-letters/1/discard`,
    `DELETE ${API}/dead-letters/jobs/1`,
    `GET ${API}/events/tail`,
    `GET ${API}/events/recent`,
    `GET ${API}/catalog`,
    `GET ${API}/catalog/shop.placed`,
    `POST ${API}/publish`,
  ],
} as const;
type Kind = keyof typeof ROUTES;

const SENT = { none: {}, wrong: { authorization: "Bearer guess" }, right: { authorization: `Bearer ${KEY}` } };
const FROM = { "its own": {}, "a foreign origin": { origin: "http://evil.example" }, "a foreign host": {} };

interface Case {
  readonly kind: Kind;
  readonly exposed: boolean;
  readonly hasKey: boolean;
  readonly sent: keyof typeof SENT;
  readonly from: keyof typeof FROM;
}

/** Returns the status of a refusal; undefined for a request that is answered. */
function refusalOf({ kind, exposed, hasKey, sent, from }: Case): number | undefined {
  const isConsole = kind === "page" || kind === "api";
  if (hasKey && sent === "right") return undefined;
  if (from === "a foreign origin" || from === "a foreign host" && !(isConsole && hasKey)) return 403;
  if (kind === "open" || kind === "page") return undefined;
  if (hasKey) return 401;
  return exposed && kind !== "metrics" ? 401 : undefined;
}

/** Returns the status of a response, and the detail of a problem. `fetch` would set the host itself. */
function send(url: string, method: string, path: string, headers: Record<string, string>) {
  const { hostname, port, host } = new URL(url),
    { promise, resolve, reject } = Promise.withResolvers<[number, string]>();
  const body = method === "POST" ? "{}" : "";
  const length: Record<string, number | string> = body === ""
    ? {}
    : { "content-length": body.length, "content-type": "application/json" };
  const options = { hostname, port, method, path, headers: { host, [CSRF_HEADER]: "1", ...length, ...headers } };
  const sent = request(options, async (response) => {
    const { statusCode = 0 } = response;
    let text = "";
    if (statusCode >= 400) { for await (const chunk of response) text += chunk; }
    response.destroy(); // a stream of events has no end
    resolve([statusCode, text]);
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}

for (const exposed of [false, true]) {
  for (const hasKey of [false, true]) {
    const where = `${exposed ? "beyond" : "on"} loopback ${hasKey ? "with" : "without"} WEIR_ADMIN_KEY`;
    Deno.test(`the admin listener ${where} answers no request that it must not, and all others`, async () => {
      const env = { ...(exposed && { ADMIN_HOST: "0.0.0.0" }), ...(hasKey && { WEIR_ADMIN_KEY: KEY }) };
      await using console = await startConsole({ functions, env });
      for (const [kind, routes] of Object.entries(ROUTES) as [Kind, readonly string[]][]) {
        for (const sent of Object.keys(SENT) as (keyof typeof SENT)[]) {
          for (const from of Object.keys(FROM) as (keyof typeof FROM)[]) {
            const wanted = refusalOf({ kind, exposed, hasKey, sent, from });
            for (const route of routes) {
              const [method, path] = route.split(" "), host = new URL(console.admin).host;
              const foreign = from === "a foreign host" ? { host: `evil.example:${host.split(":")[1]}` } : FROM[from];
              const headers: Record<string, string> = { ...SENT[sent], ...foreign };
              const [status, text] = await send(console.admin, method, path, headers);
              const what = `${route} with ${sent} key from ${from}: ${text}`;
              if (wanted !== undefined) assert.equal(status, wanted, what);
              else assert(status !== 401 && status !== 403 && status < 500, `${status} ${what}`);
              if (wanted === 401 && method !== "HEAD") assert.match(text, /WEIR_ADMIN_KEY/, what);
            }
          }
        }
      }
      const page = await (await fetch(`${console.admin}/metrics`, { headers: SENT.right })).text();
      const refused = /^http_server_request_duration_seconds_count\{.*http_route="",.*"(401|403)"\} \d+$/m;
      assert.match(page, refused, "refusals are counted");
    });
  }
}

Deno.test("the routes of the table are all that runtime/http/README.md names", async () => {
  const text = await Deno.readTextFile(new URL("../../runtime/http/README.md", import.meta.url));
  const section = text.slice(text.indexOf("\n## Admin\n")), known = Object.values(ROUTES).flat().map(String);
  const named = [...section.matchAll(/`(GET|POST|DELETE) (\/[^`]*)`/g)].map(([, method, path]) =>
    `${method} ${path.replace("{sequence}", "1")}`
  );
  assert(named.length > 10);
  assert.deepEqual(named.filter((route) => !known.includes(route)), []);
});
