import assert from "node:assert/strict";
import { defineConfig } from "weir";
import { readOwnConfig, valuesFrom } from "../../runtime/app/own_config.ts";
import { resolveConfig } from "../../runtime/project/resolve_configs.ts";
import type { AnySchema } from "../../runtime/api/define_event.ts";
import { z } from "zod";

const shop = z.object({
  PAYMENT_URL: z.url().describe("payment service"),
  PAYMENT_RETRIES: z.coerce.number().int().default(3),
  PAYMENT_KEY: z.string().min(8).meta({ secret: true, description: "key of the shop" }),
  MODE: z.enum(["live", "test"]).optional(),
  AUDIT: z.stringbool().default(false),
});

/**
 * Reads a schema from variables. Files hold `content of PATH` and a line break, unless their path is "missing" or
 * "empty".
 */
function read(schema: AnySchema, env: Record<string, string>) {
  const definition = defineConfig(schema), { variables } = resolveConfig(definition);
  const readFile = (path: string) => {
    if (path === "missing") throw new Error("No such file");
    return path === "empty" ? " \n" : `content of ${path}\n`;
  };
  const own = readOwnConfig([{ file: "functions/_config.ts", definition, variables, functions: [] }], {
    get: (name) => Object.hasOwn(env, name) ? env[name] : undefined,
    readFile,
  });
  return { problems: own.problems, secrets: own.secrets, value: own.find(definition)?.value };
}

Deno.test("readOwnConfig returns the output of the schema, with a secret from its file", () => {
  const env = { PAYMENT_URL: "https://pay.example", PAYMENT_KEY_FILE: "/run/key", AUDIT: "yes", MODE: "", OTHER: "x" };
  assert.deepEqual(read(shop, env), {
    problems: [],
    secrets: ["content of /run/key"],
    value: { PAYMENT_URL: "https://pay.example", PAYMENT_RETRIES: 3, PAYMENT_KEY: "content of /run/key", AUDIT: true },
  });
});

const VALID = { PAYMENT_URL: "https://pay.example", PAYMENT_KEY: "12345678" };

for (
  const [what, schema, env, problems] of [
    ["every variable that is missing or wrong, at once", shop, { PAYMENT_RETRIES: "many", MODE: "Live" }, [
      "PAYMENT_URL is not set, payment service: set it",
      "PAYMENT_RETRIES is not as wanted: Invalid input: expected number, received NaN",
      "PAYMENT_KEY is not set, key of the shop: set it, or PAYMENT_KEY_FILE",
      'MODE is not as wanted: Invalid option: expected one of "live"|"test"',
    ]],
    ["a secret without its value", shop, { ...VALID, PAYMENT_KEY: "short" }, [
      "PAYMENT_KEY is not as wanted, key of the shop: Too small: expected string to have >=8 characters",
    ]],
    ["a secret that is given twice", shop, { ...VALID, PAYMENT_KEY_FILE: "/run/key" }, [
      "PAYMENT_KEY and PAYMENT_KEY_FILE are both set: set only one of them",
    ]],
    ["a file that cannot be read, with the others", shop, { PAYMENT_KEY_FILE: "missing" }, [
      'PAYMENT_KEY_FILE is "missing", which cannot be read: No such file',
      "PAYMENT_URL is not set, payment service: set it",
    ]],
    ["an empty file", shop, { ...VALID, PAYMENT_KEY: "", PAYMENT_KEY_FILE: "empty" }, [
      'PAYMENT_KEY_FILE is "empty", which is empty',
    ]],
    ["a type that no text has", z.object({ N: z.number(), B: z.boolean() }), { N: "1", B: "true" }, [
      "N is not as wanted: Invalid input: expected number, received string (a variable is text: declare it with " +
      "z.coerce.number())",
      "B is not as wanted: Invalid input: expected boolean, received string (a variable is text: declare it with " +
      "z.stringbool())",
    ]],
    [
      "a check of the author without the value that it quotes",
      z.object({ HOST_NAME: z.string().refine(() => false, { error: ({ input }) => `${input} is no host` }) }),
      { HOST_NAME: "db.internal" },
      ["HOST_NAME is not as wanted: [redacted] is no host"],
    ],
    [
      "a transform that throws, with the others, and no part of what it quotes",
      z.object({ KEYS: z.string().transform((text) => JSON.parse(text)).meta({ secret: true }), OTHER: z.string() }),
      { KEYS: "hunter2-very-secret" },
      [
        "KEYS is not as wanted: its check or transform throws SyntaxError: let it call `ctx.addIssue` instead",
        "OTHER is not set: set it",
      ],
    ],
    [
      "a check of several variables that throws",
      z.object({ A: z.string() }).transform(({ A }) => JSON.parse(A)),
      { A: "hunter2" },
      [
        "the variables are refused together: its check or transform throws SyntaxError: let it call `ctx.addIssue` " +
        "instead",
      ],
    ],
    [
      "a variable without the value that an own message quotes",
      z.object({ PIN: z.string().min(9, { error: ({ input }) => `${input} is short` }).meta({ secret: true }) }),
      { PIN: "12345" },
      ["PIN is not as wanted: [redacted] is short"],
    ],
    [
      "a variable whose name every object has a property of",
      z.object({ constructor: z.string(), toString: z.string().optional() }),
      {},
      ["constructor is not set: set it"],
    ],
    [
      "a check of several variables",
      z.object({ A: z.string(), B: z.string() }).refine(({ A, B }) => A !== B, "A and B must differ"),
      { A: "1", B: "1" },
      ["the variables are refused together: A and B must differ"],
    ],
  ] as const
) {
  Deno.test(`readOwnConfig names ${what}`, () => {
    const own = read(schema, env);
    assert.deepEqual(own.problems, problems.map((problem) => `${problem} (functions/_config.ts)`));
    assert.equal(own.value, undefined);
  });
}

for (
  const [what, schema, problem] of [
    ["a schema that is no object", z.string(), /not an object: give z\.object/],
    ["a name that no variable has", z.object({ "a-b": z.string() }), /"a-b" is not the name of a variable/],
    ["an asynchronous check", z.object({ A: z.string().refine(async () => await true) }), /async refine or transform/],
    [
      "one of an optional variable",
      z.object({ A: z.any().refine(async () => await true) }),
      /async refine or transform/,
    ],
  ] as const
) {
  Deno.test(`resolveConfig refuses ${what}`, () => {
    assert.match(resolveConfig(defineConfig(schema)).problems.join("\n"), problem);
  });
}

Deno.test("resolveConfig describes each variable, and shows no default of a secret", () => {
  const { variables } = resolveConfig(defineConfig(
    z.object({
      ...shop.shape,
      TOKEN_TEXT: z.string().meta({ secret: true }).default("dev-token"),
    }).transform((values) => ({ ...values, more: true })),
  ));
  const common = { description: undefined, default: undefined, required: false, secret: false };
  assert.deepEqual(variables, [
    { ...common, name: "PAYMENT_URL", type: "string (uri)", description: "payment service", required: true },
    { ...common, name: "PAYMENT_RETRIES", type: "integer", default: 3 },
    { ...common, name: "PAYMENT_KEY", type: "string", description: "key of the shop", required: true, secret: true },
    { ...common, name: "MODE", type: '"live" | "test"' },
    { ...common, name: "AUDIT", type: "boolean", default: false },
    { ...common, name: "TOKEN_TEXT", type: "string", secret: true },
  ]);
});

Deno.test("resolveConfig calls a variable required exactly if an environment without it is refused", () => {
  const fields = {
    ...{ A: z.coerce.string(), B: z.coerce.boolean(), C: z.string().optional(), D: z.any(), E: z.string().catch("x") },
    ...{ F: z.preprocess((given) => given ?? "x", z.string()), G: z.unknown(), H: z.undefined(), I: z.coerce.date() },
  };
  for (const [name, field] of Object.entries(fields)) {
    const schema = z.object({ [name]: field }), [variable] = resolveConfig(defineConfig(schema)).variables;
    assert.equal(variable.required, read(schema, {}).problems.length > 0, name);
  }
});

Deno.test("valuesFrom reads a declaration when it is asked for, and says where to set what is missing", () => {
  const values = valuesFrom({ get: (name) => name === "A" ? "1" : undefined, readFile: () => "" }, "give it here");
  assert.deepEqual(values.find(defineConfig(z.object({ A: z.coerce.number() })))?.value, { A: 1 });
  assert.throws(
    () => values.find(defineConfig(z.object({ B: z.string() }))),
    /^Error: B is not set: set it: give it here$/,
  );
  assert.equal(values.find({}), undefined);
});
