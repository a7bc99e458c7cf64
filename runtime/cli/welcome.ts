import type { ApiKey } from "../http/api_keys.ts";
import type { NatsServer } from "../broker/server.ts";
import type { Loaded } from "../dev/messages.ts";
import { paint } from "./output.ts";

/** What {@linkcode welcome} tells of. */
export interface Welcome {
  readonly ms: number;
  readonly url: string;
  readonly admin: string;
  readonly loaded: Loaded;
  /** Undefined where NATS is somebody else's. */
  readonly server: NatsServer | undefined;
  readonly keys: readonly ApiKey[] | undefined;
}

/** What `dev` says once it runs: what, where to click, and what to try. */
export function welcome({ ms, url, admin, loaded, server, keys }: Welcome): string {
  const { functions, ingress } = loaded;
  const width = Math.max(0, ...functions.map(({ name }) => name.length));
  const rows = functions.map(({ name, on, emits }) => {
    const to = emits.length === 0 ? "" : paint("dim", ` → ${emits.join(", ")}`);
    return `  ${paint("bold", name.padEnd(width))}  ${on.join(", ")}${to}`;
  });
  const nats = server ? `${server.url}  nats-server ${server.version}, its data in .weir/ (--fresh drops it)` : "yours";
  const [first] = ingress;
  return [
    "",
    `${paint("green", "Weir is up")} in ${Math.round(ms)} ms`,
    "",
    ...rows.length > 0 ? rows : ["  no functions yet: deno task new NAME --on TYPE"],
    "",
    `  events     ${paint("cyan", `${url}/events/TYPE`)}${
      ingress.map(({ path }) => path.startsWith("/events/") ? "" : `, ${path}`).join("")
    }`,
    `  functions  ${paint("cyan", `${admin}/functions`)}, /metrics, /dead-letters; or: deno task functions`,
    `  health     ${paint("cyan", `${url}/health`)}`,
    `  NATS       ${nats}`,
    "",
    ...(first
      ? [
        `  try: deno task publish ${first.type} --sample 1`,
        `       curl ${url}${first.path} -H 'content-type: application/json'${
          keys ? ` -H 'authorization: Bearer ${keys[0].name}…'` : ""
        } -d '…'`,
      ]
      : []),
    "",
    "A file that is saved is live at once. Ctrl-C ends it all.",
  ].join("\n");
}
