import { Command } from "commander";
import { natsOptions } from "../app/cluster.ts";
import { namespaceOf } from "../app/config.ts";
import { type NatsUser, natsUsers } from "../app/nats_users.ts";
import { DEFAULT_PREFIXES } from "../nats/client/subject_prefixes.ts";
import type { Permission } from "../nats/topology/resources.ts";
import { loadProject } from "../project/load_project.ts";
import { commandConfig } from "./terminal/command_config.ts";
import { bucketNames, examples } from "./terminal/command_line.ts";
import { printJson } from "./terminal/output.ts";

interface Options {
  readonly each?: boolean;
  readonly bucket?: readonly string[];
  readonly json?: boolean;
}

export function natsPermissionsCommand(): Command {
  return new Command("nats-permissions")
    .description("Print the NATS users of this project, each with the permissions that it needs and no others.")
    .option("--each", "a user for each function, for processes with WEIR_FUNCTIONS")
    .option("--bucket <names...>", "key-value buckets that handlers open with ctx.kv", bucketNames)
    .option("--json", "print them as JSON")
    .addHelpText(
      "after",
      `
The text is a part of nats-server's configuration: \`include "users.conf"\`. Each user has a password
from the environment of nats-server, such as $INGRESS_PASSWORD, or from a file that users.conf includes
(deploy/nats/README.md). Processes start with --no-apply, after \`apply\` has run with a user of its own.
WEIR_NAMESPACE and NATS_INBOX_PREFIX count. Buckets that handlers open with ctx.kv are not known before
they run: name them here, and at \`apply\`, which creates them.
${examples("nats-permissions > users.conf", "nats-permissions --each --bucket inventory orders")}`,
    )
    .action(async ({ each, bucket, json }: Options) => {
      const config = commandConfig(), registry = await loadProject(), { apiPrefix, inboxPrefix } = natsOptions(config);
      const prefixes = { api: apiPrefix ?? DEFAULT_PREFIXES.api, inbox: inboxPrefix ?? DEFAULT_PREFIXES.inbox };
      const users = natsUsers(registry, { names: namespaceOf(config, registry), prefixes, each, buckets: bucket });
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
