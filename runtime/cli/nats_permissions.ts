import { Command } from "commander";
import { natsOptions } from "../app/cluster.ts";
import { namespaceOf } from "../app/config.ts";
import { type NatsUser, natsUsers } from "../app/nats_users.ts";
import { DEFAULT_PREFIXES } from "../nats/client/subject_prefixes.ts";
import type { Permission } from "../nats/topology/resources.ts";
import { loadProject } from "../project/load_project.ts";
import { commandConfig } from "./terminal/command_config.ts";
import { examples } from "./terminal/command_line.ts";
import { printJson } from "./terminal/output.ts";

export function natsPermissionsCommand(): Command {
  return new Command("nats-permissions")
    .description("Print the NATS users of this project, each with the permissions that it needs and no others.")
    .option("--each", "a user for each function, for processes with WEIR_FUNCTIONS")
    .option("--json", "print them as JSON")
    .addHelpText(
      "after",
      `
The text is a part of nats-server's configuration: \`include "users.conf"\`. Each user has a password
from the environment of nats-server, such as $INGRESS_PASSWORD. Processes start with --no-apply, after
\`apply\` has run with a user of its own. WEIR_NAMESPACE and NATS_INBOX_PREFIX count. A bucket that a
handler opens with ctx.kv("NAME") needs \`$JS.API.STREAM.CREATE.KV_NAME\`, \`$JS.API.STREAM.INFO.KV_NAME\`,
\`$JS.API.DIRECT.GET.KV_NAME.>\` and \`$KV.NAME.>\` besides.
${examples("nats-permissions > users.conf", "nats-permissions --each")}`,
    )
    .action(async ({ each, json }: { each?: boolean; json?: boolean }) => {
      const config = commandConfig(), registry = await loadProject(), { apiPrefix, inboxPrefix } = natsOptions(config);
      const prefixes = { api: apiPrefix ?? DEFAULT_PREFIXES.api, inbox: inboxPrefix ?? DEFAULT_PREFIXES.inbox };
      const users = natsUsers(registry, { names: namespaceOf(config, registry), prefixes, each });
      if (json) printJson(users);
      else console.log(usersText(users));
    });
}

/** Writes users as a part of nats-server's configuration. */
export function usersText(users: readonly NatsUser[]): string {
  return `authorization {\n  users: [\n${users.map(userText).join("")}  ]\n}`;
}

function userText({ name, purpose, permissions }: NatsUser): string {
  const variable = `${name.replace(/[^A-Za-z0-9]/g, "_").toUpperCase()}_PASSWORD`;
  const allow = (action: Permission["action"]) => {
    const subjects = permissions.filter((one) => one.action === action).map(({ subject }) => subject);
    return [...new Set(subjects)].map((subject) => `        ${JSON.stringify(subject)}\n`).join("");
  };
  return `    # ${purpose}
    { user: ${JSON.stringify(name)}, password: $${variable}, permissions: {
      publish: [
${allow("publish")}      ]
      subscribe: [
${allow("subscribe")}      ]
    } }
`;
}
