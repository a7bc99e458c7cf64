import type { DevReady } from "../../dev/dev.ts";
import type { ProjectSummary } from "../../dev/messages.ts";
import type { ApiKey } from "../../http/api_keys.ts";
import { DENO, shellQuoted } from "../terminal/next_commands.ts";
import { paint } from "../terminal/output.ts";

/** Formats what `dev` prints once it is up: functions, addresses, and commands to try. */
export function banner(ready: DevReady, keys: readonly ApiKey[] | undefined): string {
  const { ms, url, admin, project, natsUrl, natsServer, example } = ready;
  const { functions, ingress } = project;
  const width = Math.max(0, ...functions.map(({ name }) => name.length));
  const rows = functions.map(({ name, on, emits }) => {
    const to = emits.length === 0 ? "" : paint("dim", ` → ${emits.join(", ")}`);
    return `  ${paint("bold", name.padEnd(width))}  ${on.join(", ")}${to}`;
  });
  const nats = natsServer
    ? `${natsUrl}  nats-server ${natsServer.version}, data in .weir/ (--fresh deletes it)`
    : `${natsUrl}  (NATS_URL)`;
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
    ...commandsToTry(project, url, keys !== undefined, example),
    "Saved files go live at once. Ctrl-C stops everything.",
  ].join("\n");
}

function commandsToTry({ ingress: [first] }: ProjectSummary, url: string, needsKey: boolean, example = "…"): string[] {
  if (!first) return [];
  const key = needsKey ? ` -H 'authorization: Bearer SECRET'` : "";
  return [
    "  try, in another terminal:",
    `    curl -i ${url}${first.path} -H 'content-type: application/json'${key} -d ${shellQuoted(example)}`,
    `    ${DENO} task publish ${first.type} --sample 3`,
    `    ${DENO} task events tail`,
    "",
  ];
}
