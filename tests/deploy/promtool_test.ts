import assert from "node:assert/strict";
import { run } from "../../runtime/nats_server/run.ts";
import { findTools } from "./prometheus.ts";
import { DEPLOY } from "./views_files.ts";

/** Path of promtool, or the reason why there is none. */
const found = await findTools().then(({ promtool }) => ({ promtool, why: "" })).catch((error) => ({
  promtool: "",
  why: String(error.message).split("\n")[0],
}));
if (found.why) console.warn(`tests/deploy: skipped the tests that need promtool: ${found.why}`);

const promtool = async (...args: string[]) => await run(found.promtool, args, { cwd: `${DEPLOY}prometheus` });
const ignore = found.why !== "";

Deno.test({
  name: "prometheus.yml and rules.yml pass promtool check",
  ignore,
  fn: async () => {
    assert.match(await promtool("check", "config", "prometheus.yml"), /SUCCESS: 1 rule files found/);
    assert.match(await promtool("check", "rules", "rules.yml"), /SUCCESS: \d+ rules found/);
  },
});

Deno.test({
  name: "rules.yml passes rules_test.yml",
  ignore,
  fn: async () => {
    assert.match(await promtool("test", "rules", "rules_test.yml"), /SUCCESS/);
  },
});
