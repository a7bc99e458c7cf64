type Crypto = typeof import("node:crypto");

let loaded: Crypto | undefined;

/** Loads `node:crypto` at its first use: a start without API keys hashes nothing, see bench. */
export function nodeCrypto(): Crypto {
  return loaded ??= process.getBuiltinModule("node:crypto");
}

/** Returns the SHA-256 digest of a text. */
export function sha256(text: string): Uint8Array {
  return nodeCrypto().createHash("sha256").update(text).digest();
}

/** Returns the first hexadecimal digits of the SHA-256 digest of a text. */
export function sha256Hex(text: string, digits: number): string {
  return nodeCrypto().createHash("sha256").update(text).digest("hex").slice(0, digits);
}
