import { Buffer } from "node:buffer";

/** A certificate and its private key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of one test. */
export interface Authority extends Certificate {
  /** Issues a certificate for servers and clients. */
  issue(name: string, options?: IssueOptions): Promise<Certificate>;
}

interface IssueOptions {
  /** Host names, and addresses of IPv4. @default ["localhost", "127.0.0.1"] */
  readonly names?: readonly string[];
  /** Days from now on which its validity begins and ends. @default [-1, 1] */
  readonly days?: readonly [from: number, to: number];
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const DAY_MS = 86_400_000;

/** Object identifiers, as DER encodes them. */
const OID = {
  commonName: "550403",
  ecdsaWithSha256: "2a8648ce3d040302",
  basicConstraints: "551d13",
  keyUsage: "551d0f",
  extendedKeyUsage: "551d25",
  subjectAltName: "551d11",
  serverAuth: "2b06010505070301",
  clientAuth: "2b06010505070302",
} as const;

export async function createAuthority(): Promise<Authority> {
  const name = "Weir test CA", keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const extensions = [
    extension(OID.basicConstraints, sequence(der(0x01, "ff"))),
    extension(OID.keyUsage, der(0x03, "0106")), // signs certificates and revocation lists
  ];
  const own = await certificate({ name, keys, issuer: name, signer: keys.privateKey, extensions });
  return {
    ...own,
    issue: async (leaf, { names = ["localhost", "127.0.0.1"], days } = {}) => {
      const leafKeys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
      const alternatives = names.map((name) =>
        /^[\d.]+$/.test(name) ? der(0x87, hex(Uint8Array.from(name.split("."), Number))) : der(0x82, hexOf(name))
      );
      return await certificate({
        name: leaf,
        keys: leafKeys,
        issuer: name,
        signer: keys.privateKey,
        days,
        extensions: [
          extension(OID.subjectAltName, sequence(...alternatives)),
          extension(OID.extendedKeyUsage, sequence(der(0x06, OID.serverAuth), der(0x06, OID.clientAuth))),
        ],
      });
    },
  };
}

interface Contents {
  readonly name: string;
  readonly keys: CryptoKeyPair;
  readonly issuer: string;
  readonly signer: CryptoKey;
  readonly extensions: readonly string[];
  readonly days?: readonly [from: number, to: number];
}

async function certificate(
  { name, keys, issuer, signer, extensions, days: [from, to] = [-1, 1] }: Contents,
): Promise<Certificate> {
  const algorithm = sequence(der(0x06, OID.ecdsaWithSha256));
  const nowMs = Date.now();
  const body = sequence(
    der(0xa0, der(0x02, "02")), // version 3
    der(0x02, "01" + hex(crypto.getRandomValues(new Uint8Array(8)))),
    algorithm,
    distinguishedName(issuer),
    sequence(time(nowMs + from * DAY_MS), time(nowMs + to * DAY_MS)),
    distinguishedName(name),
    hex(new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey))),
    der(0xa3, sequence(...extensions)),
  );
  const signed = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, signer, Buffer.from(body, "hex"));
  const whole = sequence(body, algorithm, der(0x03, "00" + signature(hex(new Uint8Array(signed)))));
  const key = hex(new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey)));
  return { cert: pem("CERTIFICATE", whole), key: pem("PRIVATE KEY", key) };
}

/** Encodes one value of DER, in hexadecimal. */
function der(tag: number, content: string): string {
  const length = content.length / 2, short = length.toString(16).padStart(2, "0");
  const wide = short.length % 2 === 0 ? short : `0${short}`;
  const prefix = length < 128 ? wide : (0x80 + wide.length / 2).toString(16) + wide;
  return tag.toString(16).padStart(2, "0") + prefix + content;
}

function sequence(...values: readonly string[]): string {
  return der(0x30, values.join(""));
}

function extension(id: string, value: string): string {
  return sequence(der(0x06, id), der(0x04, value));
}

function distinguishedName(name: string): string {
  return sequence(der(0x31, sequence(der(0x06, OID.commonName), der(0x0c, hexOf(name)))));
}

function time(ms: number): string {
  return der(0x18, hexOf(new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "")));
}

/** Converts the two numbers that Web Crypto returns to the form that certificates have. */
function signature(raw: string): string {
  const integer = (text: string) => {
    const trimmed = text.replace(/^(00)+(?=..)/, "");
    return der(0x02, Number.parseInt(trimmed.slice(0, 2), 16) >= 0x80 ? `00${trimmed}` : trimmed);
  };
  return sequence(integer(raw.slice(0, raw.length / 2)), integer(raw.slice(raw.length / 2)));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function hexOf(text: string): string {
  return Buffer.from(text).toString("hex");
}

function pem(label: string, content: string): string {
  const lines = Buffer.from(content, "hex").toString("base64").match(/.{1,64}/g)!;
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
