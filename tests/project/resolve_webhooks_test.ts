import assert from "node:assert/strict";
import { buildRegistry } from "../../runtime/project/registry.ts";
import { event, problemsOf, schemas } from "../support/modules.ts";

const github = { scheme: "github", secret: "GITHUB_SECRET" };
const rows: [what: string, ingress: object, problem: string][] = [
  ["a signature without a route", { signature: github }, 'a signature needs a route, such as "/webhooks/github"'],
  [
    "an unknown scheme",
    { route: "/a", signature: { ...github, scheme: "gitlab" } },
    'ingress.signature needs a scheme, one of "standard-webhooks", "stripe", "slack", "github", "hmac"',
  ],
  [
    "a scheme with the name of an object's own method",
    { route: "/a", signature: { ...github, scheme: "constructor" } },
    'ingress.signature needs a scheme, one of "standard-webhooks", "stripe", "slack", "github", "hmac"',
  ],
  [
    "a scheme alone",
    { route: "/a", signature: "github" },
    'ingress.signature needs a scheme, one of "standard-webhooks", "stripe", "slack", "github", "hmac"',
  ],
  [
    "a secret in place of the variable's name",
    { route: "/a", signature: { ...github, secret: "It's a secret" } },
    'ingress.signature.secret is not the name of a variable, such as "GITHUB_SECRET" (it is not shown, since it may be ' +
    "the secret itself)",
  ],
  [
    "an option of another scheme",
    { route: "/a", signature: { ...github, tolerance: "5m" } },
    "unknown option ingress.signature.tolerance",
  ],
  [
    "no duration as tolerance",
    { route: "/a", signature: { scheme: "slack", secret: "S", tolerance: "soon" } },
    'ingress.signature.tolerance "soon" is not a duration above zero',
  ],
  [
    "an hmac without a header",
    { route: "/a", signature: { scheme: "hmac", secret: "S" } },
    'ingress.signature.header is not the name of a header, such as "x-signature"',
  ],
  [
    "an hmac of another hash",
    { route: "/a", signature: { scheme: "hmac", secret: "S", header: "x-signature", hash: "md5" } },
    'ingress.signature.hash "md5" is not one of "sha1", "sha256", "sha512"',
  ],
  [
    "progress",
    { route: "/a", signature: github, progress: true },
    "ingress.progress and ingress.signature exclude each other: a webhook's sender has no key to ask with",
  ],
  ["progress that is no boolean", { progress: "yes" }, 'ingress.progress is "yes": it is true or false'],
  [
    "map without a signature",
    { route: "/a", map: () => ({}) },
    "ingress.map needs a signature: only a webhook has a payload of its own form",
  ],
  [
    "map that is no function",
    { route: "/a", signature: github, map: {} },
    "ingress.map is not a function of the payload",
  ],
];
for (const [what, ingress, problem] of rows) {
  Deno.test(`resolveEvents refuses a webhook with ${what}`, () => {
    assert.deepEqual(problemsOf([schemas("hooks", event("hooks.happened", { ingress }))]), [
      `schemas/hooks.ts: event "hooks.happened": ${problem}`,
    ]);
  });
}

Deno.test("buildRegistry lists the secret of a webhook among the variables of the project", () => {
  const ingress = { route: "/a", signature: github };
  const { configs } = buildRegistry([schemas("hooks", event("hooks.happened", { ingress }), event("hooks.other"))], []);
  assert.deepEqual(configs.map(({ file, functions, variables }) => ({ file, functions, variables })), [{
    file: "schemas/hooks.ts",
    functions: [],
    variables: [{
      name: "GITHUB_SECRET",
      type: "string",
      description: "signs the webhook hooks.happened",
      default: undefined,
      required: true,
      secret: true,
    }],
  }]);
});

Deno.test("buildRegistry lets two webhooks share a secret", () => {
  const of = (route: string) => ({ ingress: { route, signature: github } });
  assert.deepEqual(problemsOf([schemas("hooks", event("hooks.one", of("/a")), event("hooks.two", of("/b")))]), []);
});
