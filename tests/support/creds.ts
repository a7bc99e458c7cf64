import { nkeys } from "@nats-io/transport-node";
import { Buffer } from "node:buffer";

/** An operator with one account that may use JetStream, for a server's configuration. */
export interface TestOperator {
  readonly config: string;
  /** Returns the text of a credentials file, as `nsc` writes it. @param expiresInSeconds Default: never. */
  creds(expiresInSeconds?: number): string;
}

const ENCODER = new TextEncoder();
const SYSTEM = "SYS", JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
const LIMITS = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };

export function createOperator(): TestOperator {
  const operator = nkeys.createOperator(), account = nkeys.createAccount(), system = nkeys.createAccount();
  const accountJwt = (key: typeof account, name: string, limits: object) =>
    sign(operator, key.getPublicKey(), { name, nats: { type: "account", version: 2, limits } });
  const claims = { name: "OP", nats: { type: "operator", version: 2, system_account: system.getPublicKey() } };
  return {
    config: `operator: "${sign(operator, operator.getPublicKey(), claims)}"
      system_account: ${system.getPublicKey()}
      resolver: MEMORY
      resolver_preload: {
        ${account.getPublicKey()}: "${accountJwt(account, "A", { ...LIMITS, ...JETSTREAM })}"
        ${system.getPublicKey()}: "${accountJwt(system, SYSTEM, LIMITS)}"
      }`,
    creds: (expiresInSeconds) => {
      const user = nkeys.createUser();
      const exp = expiresInSeconds === undefined ? undefined : Math.floor(Date.now() / 1_000) + expiresInSeconds;
      const nats = { type: "user", version: 2, subs: -1, data: -1, payload: -1 };
      const jwt = sign(account, user.getPublicKey(), { name: "u", ...(exp && { exp }), nats });
      const seed = new TextDecoder().decode(user.getSeed());
      return `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n` +
        `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
    },
  };
}

/** Returns a JWT of NATS: signed by the issuer's nkey. */
function sign(issuer: ReturnType<typeof nkeys.createAccount>, subject: string, claims: object): string {
  const encode = (value: object | Uint8Array) =>
    Buffer.from(value instanceof Uint8Array ? value : ENCODER.encode(JSON.stringify(value))).toString("base64url");
  const iat = Math.floor(Date.now() / 1_000);
  const payload = { jti: crypto.randomUUID(), iat, iss: issuer.getPublicKey(), sub: subject, ...claims };
  const signed = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode(payload)}`;
  return `${signed}.${encode(issuer.sign(ENCODER.encode(signed)))}`;
}
