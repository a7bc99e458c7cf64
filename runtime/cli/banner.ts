import type { ApiKey } from "../http/api_keys.ts";
import type { NatsServer } from "../nats_server/server.ts";
import type { ProjectSummary } from "../dev/messages.ts";
import { paint } from "./output.ts";
import { THIS_DENO } from "./deno_command.ts";

/** What {@linkcode welcome} tells of. */
interface Welcome {
  readonly ms: number;
  readonly url: string;
  readonly admin: string;
  readonly loaded: ProjectSummary;
  /** Undefined where NATS is somebody else's. */
  readonly server: NatsServer | undefined;
  /** Where that one is, without passwords. */
  readonly foreign: string;
  readonly keys: readonly ApiKey[] | undefined;
  /** Data for the first event of the ingress, as JSON. */
  readonly example: string | undefined;
}

/** What `dev` says once it runs: what, where to click, and what to try. */
export function welcome({ ms, url, admin, loaded, server, foreign, keys, example }: Welcome): string {
  const { functions, ingress } = loaded;
  const width = Math.max(0, ...functions.map(({ name }) => name.length));
  const rows = functions.map(({ name, on, emits }) => {
    const to = emits.length === 0 ? "" : paint("dim", ` → ${emits.join(", ")}`);
    return `  ${paint("bold", name.padEnd(width))}  ${on.join(", ")}${to}`;
  });
  const nats = server
    ? `${server.url}  nats-server ${server.version}, its data in .weir/ (--fresh drops it)`
    : `${foreign}  (NATS_URL)`;
  const routes = ingress.map(({ path }) => path).filter((path) => !path.startsWith("/events/"));
  return [
    "",
    `${paint("green", "Weir is up")} in ${Math.round(ms)} ms`,
    "",
    ...rows.length > 0 ? rows : [`  no functions yet: ${THIS_DENO} task new NAME --on TYPE`],
    "",
    `  ingress    ${paint("cyan", [`${url}/events/TYPE`, ...routes].join(", "))}`,
    `  functions  ${paint("cyan", `${admin}/functions`)}, /metrics, /dead-letters; or: ${THIS_DENO} task functions`,
    `  health     ${paint("cyan", `${url}/health`)}`,
    `  NATS       ${nats}`,
    "",
    ...tries(loaded, url, keys, example),
    "A file that is saved is live at once. Ctrl-C ends it all.",
  ].join("\n");
}

function tries({ ingress: [first] }: ProjectSummary, url: string, keys: Welcome["keys"], example = "…"): string[] {
  if (!first) return [];
  const key = keys ? ` -H 'authorization: Bearer SECRET'` : "";
  const data = example.replaceAll("'", "'\\''");
  return [
    "  try, in another terminal:",
    `    curl -i ${url}${first.path} -H 'content-type: application/json'${key} -d '${data}'`,
    `    ${THIS_DENO} task publish ${first.type} --sample 3`,
    `    ${THIS_DENO} task events tail`,
    "",
  ];
}
