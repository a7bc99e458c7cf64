import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { z } from "zod";
import { readConfig } from "../../runtime/app/config.ts";
import { selectFunctions } from "../../runtime/app/select_functions.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";

const Made = defineEvent({ type: "orders.made", version: 1, data: z.object({}) });
const registry = registryOf({
  ship: defineFunction({ on: Made }, () => {}),
  bill: defineFunction({ on: Made }, () => {}),
});
const configOf = (names: string) =>
  readConfig({ get: (name) => name === "WEIR_FUNCTIONS" ? names : undefined, readFile: () => "" });

Deno.test("selectFunctions names the function that was probably meant, or all", () => {
  assert.throws(() => selectFunctions(configOf("shipp,pay"), registry), {
    name: "StartupProblems",
    problems: [
      'WEIR_FUNCTIONS names shipp: did you mean "ship"?',
      "WEIR_FUNCTIONS names pay; there are: ship, bill",
    ],
  });
  assert.deepEqual(selectFunctions(configOf("bill"), registry).map(({ name }) => name), ["bill"]);
});
