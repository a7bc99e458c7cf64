import assert from "node:assert/strict";
import { dialBegins, dialEnds, isDialAlert, surviveDeadSockets } from "../../../runtime/nats/client/dead_sockets.ts";

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

const CLIENT = "file:///cache/npm/@nats-io/transport-node/3.4.0/lib/node_transport.js:372:25";
const OWN = new URL("../../../runtime/nats/client/message_parser.ts:37:33", import.meta.url).href;
for (
  const [what, code, places, survives] of [
    ["the client wrote to after its end", "ERR_STREAM_WRITE_AFTER_END", [CLIENT], true],
    ["the client wrote to while Weir parsed", "ERR_STREAM_WRITE_AFTER_END", [CLIENT, OWN], true],
    [
      "an author wrote to after its end",
      "ERR_STREAM_WRITE_AFTER_END",
      ["file:///project/functions/ship.ts:3:1"],
      false,
    ],
    ["the client failed with in another way", "ERR_OTHER", [CLIENT], false],
  ] as const
) {
  Deno.test(`surviveDeadSockets ${survives ? "ignores" : "leaves"} the error of a socket that ${what}`, () => {
    surviveDeadSockets();
    const stack = ["Error: write after end", ...places.map((place) => `    at write (${place})`)].join("\n");
    const error = Object.assign(new Error("write after end"), { code, stack });
    const event = new ErrorEvent("error", { error, cancelable: true });
    // The runner of tests listens, too: an error that is left would fail this file.
    globalThis.addEventListener("error", (event) => event.stopImmediatePropagation(), { once: true });
    globalThis.dispatchEvent(event);
    assert.equal(event.defaultPrevented, survives);
  });
}
