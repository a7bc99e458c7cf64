import { nkeys } from "@nats-io/transport-node";
import { createOperator } from "../support/creds.ts";
import { testForms } from "../support/forms.ts";
import { freePorts } from "../support/ports.ts";

/** Exports and imports by which one account uses the JetStream of another, under a prefix of its own. */
const IMPORTED = `accounts {
  STORE { jetstream: enabled, users: [{ user: store, password: secret }], exports: [
    { service: "$JS.API.>", response_type: stream }
    { service: "$KV.>" }, { service: "$JS.ACK.>" }, { stream: "$JS.EVENT.ADVISORY.>" }
    { service: "orders.>" }, { service: "stock.>" }, { service: "retries.>" }, { service: "dead_letters.>" }
  ] }
  SHOP { users: [{ user: shop, password: secret }], imports: [
    { service: { account: STORE, subject: "$JS.API.>" }, to: "JS.store.API.>" }
    { service: { account: STORE, subject: "$KV.>" }, to: "JS.store.API.$KV.>" }
    { service: { account: STORE, subject: "$JS.ACK.>" } }
    { stream: { account: STORE, subject: "$JS.EVENT.ADVISORY.>" } }
    { service: { account: STORE, subject: "orders.>" } }, { service: { account: STORE, subject: "stock.>" } }
    { service: { account: STORE, subject: "retries.>" } }, { service: { account: STORE, subject: "dead_letters.>" } }
  ] }
}`;

testForms("start by forms of connection", {
  "a JWT of an operator": async ({ server, file }) => {
    const operator = createOperator();
    return {
      NATS_URL: await server({ config: operator.config }),
      NATS_CREDS: file("user.creds", operator.creds()),
    };
  },
  "an nkey": async ({ server, file }) => {
    const user = nkeys.createUser(), seed = new TextDecoder().decode(user.getSeed());
    return {
      NATS_URL: await server({ config: `authorization { users: [{ nkey: ${user.getPublicKey()} }] }` }),
      NATS_NKEY_FILE: file("seed.nk", `${seed}\n`),
    };
  },
  "a private inbox": async ({ server }) => ({
    NATS_URL: await server({
      config: `authorization { users: [{ user: shop, password: secret, permissions: {
        subscribe: { allow: ["_INBOX_shop.>", "$JS.EVENT.ADVISORY.CONSUMER.>", "$WEIR.tail"] }
        publish: { deny: "_INBOX.>" }
      } }] }`,
    }),
    NATS_USER: "shop",
    NATS_PASSWORD: "secret",
    NATS_INBOX_PREFIX: "_INBOX_shop",
  }),
  "the domain of a hub, by its leaf": async ({ server }) => {
    const { leaf } = freePorts("leaf");
    const flags = "feature_flags { js_ack_fc_v2: true }"; // acks name their domain
    await server({ config: `${flags}\njetstream { domain: hub }\nleafnodes { listen: "127.0.0.1:${leaf}" }` });
    const remotes = `remotes: [{ url: "nats://127.0.0.1:${leaf}" }]`;
    const NATS_URL = await server({ config: `${flags}\njetstream { domain: edge }\nleafnodes { ${remotes} }` });
    return { NATS_URL, NATS_JS_DOMAIN: "hub" };
  },
  "an imported account": async ({ server }) => ({
    NATS_URL: await server({ config: IMPORTED }),
    NATS_USER: "shop",
    NATS_PASSWORD: "secret",
    NATS_JS_API_PREFIX: "JS.store.API",
  }),
});
