import assert from "node:assert/strict";
import { run } from "../../runtime/nats_server/run.ts";
import { findTools } from "./prometheus.ts";
import { DEPLOY } from "./views_files.ts";

/** promtool, or why these tests cannot be had here. */
const found = await findTools().then(({ promtool }) => ({ promtool, why: "" })).catch((error) => ({
  promtool: "",
  why: String(error.message).split("\n")[0],
}));
if (found.why) console.warn(`tests/deploy: skipped what needs promtool: ${found.why}`);

const promtool = async (...args: string[]) =>
  await run(found.promtool, args, { cwd: `${DEPLOY}prometheus`, env: { NO_COLOR: "1" } });
const ignore = found.why !== "";

Deno.test({
  name: "promtool takes the configuration and the rules",
  ignore,
  fn: async () => {
    assert.match(await promtool("check", "config", "prometheus.yml"), /SUCCESS: 1 rule files found/);
    assert.match(await promtool("check", "rules", "rules.yml"), /SUCCESS: \d+ rules found/);
  },
});

Deno.test({
  name: "every alert fires when it should, and is quiet when it should be",
  ignore,
  fn: async () => {
    assert.match(await promtool("test", "rules", "rules_test.yml"), /SUCCESS/);
  },
});
