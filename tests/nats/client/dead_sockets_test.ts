import assert from "node:assert/strict";
import { dialBegins, dialEnds, isDialAlert } from "../../../runtime/nats/client/dead_sockets.ts";

const ALERT = "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED";

Deno.test("isDialAlert is true of an alert from the start of a dial until a server takes it, or the client gives it up", () => {
  assert.equal(isDialAlert(ALERT), false);
  dialBegins();
  const nowMs = performance.now();
  assert.deepEqual([isDialAlert(ALERT, nowMs), isDialAlert(ALERT, nowMs + 30_000)], [true, false]);
  assert.deepEqual([isDialAlert("ECONNRESET", nowMs), isDialAlert(undefined, nowMs)], [false, false]);
  dialEnds();
  assert.equal(isDialAlert(ALERT, nowMs), false);
});
