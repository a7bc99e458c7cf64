import assert from "node:assert/strict";
import { pauseEnd } from "../../../runtime/nats/topology/pause.ts";

Deno.test("pauseEnd is in whole seconds, and a time far away is no end", () => {
  assert.equal(pauseEnd("2026-11-29T20:00:00.123Z"), "until 2026-11-29T20:00:00Z");
  assert.equal(pauseEnd("2026-11-29T20:00:00Z"), "until 2026-11-29T20:00:00Z");
  assert.equal(pauseEnd("2200-01-01T00:00:00Z"), "until it is resumed");
});
