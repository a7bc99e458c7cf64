import type { ApiKey } from "../../http/api_keys.ts";
import type { NatsServer } from "../../nats_server/server.ts";
import type { Loaded } from "../../dev/messages.ts";
import { paint } from "../terminal/output.ts";
import { DENO, shellQuoted } from "../terminal/next_commands.ts";

/** Facts that {@linkcode banner} shows. */
interface BannerFacts {
  /** Milliseconds that `dev` took to start. */
  readonly ms: number;
  readonly url: string;
  readonly admin: string;
  readonly loaded: Loaded;
  /** The nats-server that `dev` started; undefined with NATS_URL. */
  readonly server: NatsServer | undefined;
  /** Servers of NATS_URL, without passwords. */
  readonly foreign: string;
  readonly keys: readonly ApiKey[] | undefined;
  /** Data for the first event of the ingress, as JSON. */
  readonly example: string | undefined;
}

/** Formats what `dev` prints once it is up: functions, addresses, and commands to try. */
export function banner({ ms, url, admin, loaded, server, foreign, keys, example }: BannerFacts): string {
  const { functions, ingress } = loaded;
  const width = Math.max(0, ...functions.map(({ name }) => name.length));
  const rows = functions.map(({ name, on, emits }) => {
    const to = emits.length === 0 ? "" : paint("dim", ` → ${emits.join(", ")}`);
    return `  ${paint("bold", name.padEnd(width))}  ${on.join(", ")}${to}`;
  });
  const nats = server
    ? `${server.url}  nats-server ${server.version}, data in .weir/ (--fresh deletes it)`
    : `${foreign}  (NATS_URL)`;
  const routes = ingress.map(({ path }) => path).filter((path) => !path.startsWith("/events/"));
  return [
    "",
    `${paint("green", "Weir is up")} in ${Math.round(ms)} ms`,
    "",
    ...rows.length > 0 ? rows : [`  no functions yet: ${DENO} task new NAME --on TYPE`],
    "",
    `  ingress    ${paint("cyan", [`${url}/events/TYPE`, ...routes].join(", "))}`,
    `  functions  ${paint("cyan", `${admin}/functions`)}, /metrics, /dead-letters; or: ${DENO} task functions`,
    `  health     ${paint("cyan", `${url}/health`)}`,
    `  NATS       ${nats}`,
    "",
    ...tries(loaded, url, keys, example),
    "Saved files go live at once. Ctrl-C stops everything.",
  ].join("\n");
}

function tries({ ingress: [first] }: Loaded, url: string, keys: BannerFacts["keys"], example = "…"): string[] {
  if (!first) return [];
  const key = keys ? ` -H 'authorization: Bearer SECRET'` : "";
  return [
    "  try, in another terminal:",
    `    curl -i ${url}${first.path} -H 'content-type: application/json'${key} -d ${shellQuoted(example)}`,
    `    ${DENO} task publish ${first.type} --sample 3`,
    `    ${DENO} task events tail`,
    "",
  ];
}
