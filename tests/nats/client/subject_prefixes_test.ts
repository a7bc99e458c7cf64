import assert from "node:assert/strict";
import { domainPrefix, prefixed } from "../../../runtime/nats/client/subject_prefixes.ts";

const HUB = { api: domainPrefix("hub"), inbox: "_INBOX_shop" }, USUAL = { api: "$JS.API", inbox: "_INBOX" };
const subjects: [subject: string, onHub: string][] = [
  ["$JS.API.INFO", "$JS.hub.API.INFO"],
  ["$JS.API.>", "$JS.hub.API.>"],
  ["$JS.APIX.INFO", "$JS.APIX.INFO"],
  ["$JS.ACK.ORDERS.ship.>", "$JS.ACK.ORDERS.ship.>"],
  ["$JS.EVENT.ADVISORY.>", "$JS.EVENT.ADVISORY.>"],
  ["$KV.weir_inbox.ship.key", "$JS.hub.API.$KV.weir_inbox.ship.key"],
  ["_INBOX.>", "_INBOX_shop.>"],
  ["_INBOX_other.>", "_INBOX_other.>"],
  ["orders.created", "orders.created"],
];
for (const [subject, onHub] of subjects) {
  Deno.test(`prefixed maps ${subject} to ${onHub} in the domain hub, and leaves it without one`, () => {
    assert.deepEqual([prefixed(subject, HUB), prefixed(subject, USUAL)], [onHub, subject]);
  });
}
