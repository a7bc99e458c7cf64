import { sha256Hex } from "../../core/sha256.ts";

/** Greatest length of a name, in characters: Kubernetes and KEDA derive labels of up to 63 from it. */
const MAX_LENGTH = 52;
/** Names that other objects have. */
const TAKEN = ["weir-ingress", "weir-functions", "weir-apply", "weir-project"];

/** Returns the name in Kubernetes of each function: `weir-capture-payment` for `capturePayment`. */
export function workloadNames(functions: readonly string[]): ReadonlyMap<string, string> {
  const plain = new Map(functions.map((name) => [name, plainName(name)]));
  const count = Map.groupBy(plain.values(), (name) => name);
  return new Map(
    [...plain].map(([name, short]) => {
      const isClear = short.length <= MAX_LENGTH && !TAKEN.includes(short) && count.get(short)!.length === 1;
      return [name, isClear ? short : withDigest(short, name)];
    }),
  );
}

/** Kubernetes allows lower case letters, digits and `-` inside. */
function plainName(name: string): string {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
  return `weir-${words}`.replace(/[-_]+/g, "-").replace(/-$/, "");
}

function withDigest(short: string, name: string): string {
  const digest = sha256Hex(name, 6);
  return `${short.slice(0, MAX_LENGTH - digest.length - 1).replace(/-$/, "")}-${digest}`;
}
