import assert from "node:assert/strict";
import { targetProblem } from "../../runtime/http/request_target.ts";

for (
  const [host, valid] of [
    ["weir.example", true],
    ["weir.example:8000", true],
    ["under_score", true],
    ["127.0.0.1:1", true],
    ["[::1]", true],
    ["[::1]:80", true],
    ["a".repeat(253), true],
    ["a".repeat(254), false],
    [`[${":".repeat(46)}]`, false],
    ["[", false],
    ["[::1", false],
    ["user:password@weir", false],
    ["weir:99999", false],
    ["weir:port", false],
    ["a b", false],
    ["a,b", false],
    ["weir/events/orders.created?", false],
    ["weir?", false],
    ["weir#", false],
    ["weir\\x", false],
    ["xn--", false],
    ["\u00fc", false],
  ] as const
) {
  Deno.test(`targetProblem ${valid ? "accepts" : "refuses"} the host ${host}`, () => {
    const request = { url: `http://${host}/orders`, headers: new Headers({ host }) } as Request;
    assert.equal(targetProblem(request)?.status, valid ? undefined : 400);
  });
}

for (
  const [url, host, valid] of [
    ["http://127.0.0.1:8000/orders", undefined, true],
    ["http://127.0.0.1:8000/orders", "", true],
    ["http://other/orders", "weir", true],
    ["http://other/orders", "[", false],
    ["http://[/orders", "weir", false],
    ["http://weir:80", "weir:80", false],
    ["http://weir?x", "weir", false],
    ["http://weir/orders/x", "weir/orders", false],
  ] as const
) {
  Deno.test(`targetProblem ${valid ? "accepts" : "refuses"} the URL ${url} with the host ${host}`, () => {
    const headers = new Headers(host === undefined ? {} : { host });
    assert.equal(targetProblem({ url, headers } as Request)?.status, valid ? undefined : 400);
  });
}
