import assert from "node:assert/strict";
import { STATUS_CODES } from "node:http";
import { KINDS, Problem, type ProblemCode } from "../../runtime/http/problem.ts";
import { problemRoutes } from "../../runtime/http/problem_routes.ts";
import { router } from "../../runtime/http/router.ts";
import { problemOf, request } from "../support/ingress.ts";

const handler = router(problemRoutes(), { problemOf: (error) => error as Problem });

for (const code of Object.keys(KINDS) as ProblemCode[]) {
  Deno.test(`GET /problems/${code} says what the problem means, at the type of the problem`, async () => {
    const problem = new Problem(code, "this time"), { type, title, status } = problem.toJSON();
    const { pathname } = new URL(String(type), "http://weir.test/events/orders.created");
    const response = await request(handler, pathname), text = await response.text();
    assert.deepEqual([response.status, response.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
    assert.match(text, new RegExp(`<h1>${title}</h1>\\n<p><code>${code}</code>, status ${status}</p>`));
    assert.ok(String(status) in STATUS_CODES);
    const [, meaning, remedy] = /<\/p>\n<p>(.*)<\/p>\n<p>(.*)<\/p>/.exec(text)!;
    for (const sentence of [meaning, remedy]) assert.match(sentence, /^[A-Z][^<>&]+\.$/);
  });
}

Deno.test("GET /problems lists every problem", async () => {
  const text = await (await request(handler, "/problems")).text();
  const listed = [...text.matchAll(/href="\/problems\/([a-z-]+)"/g)].map(([, code]) => code);
  assert.deepEqual(listed, Object.keys(KINDS));
});

for (const code of ["nothing", "constructor", "__proto__", "%00"]) {
  Deno.test(`GET /problems/${code} is a 404`, async () => {
    assert.equal((await problemOf(await request(handler, `/problems/${code}`))).status, 404);
  });
}
