import type { Config } from "../../app/config.ts";
import { natsOptions } from "../../app/cluster.ts";
import { resourcesOf } from "../../app/resources.ts";
import { covers, overlaps } from "../../core/subjects.ts";
import { DEFAULT_PREFIXES } from "../../nats/client/subject_prefixes.ts";
import { permissionsOf } from "../../nats/topology/permissions.ts";
import type { Permission } from "../../nats/topology/resources.ts";
import type { Registry } from "../../project/registry.ts";
import { known, type UserPermissions } from "../facts.ts";
import type { Rule } from "../rule.ts";

/** A required permission that the user does not have. */
interface Refusal {
  readonly permission: Permission;
  /** The subject of the deny list that refuses it. Undefined if no subject of the allow list covers it. */
  readonly deniedBy?: string;
}

export const PERMISSIONS: Rule = {
  id: "permissions",
  area: "server",
  severity: "error",
  holds: "the NATS user has every permission that Weir needs",
  why: "A missing permission shows only when it is first used, which may be for the first dead letter.",
  fix: "add the lines of the finding to the user's permissions",
  find: ({ user, project, config, names, streams, consumers }) => {
    const existing = new Set([
      ..."value" in streams ? streams.value.keys() : [],
      ..."value" in consumers ? consumers.value.map(({ stream_name, name }) => `${stream_name}.${name}`) : [],
    ]);
    const all = known(project), selected = selectedBy(known(config), all);
    const { apiPrefix: api = DEFAULT_PREFIXES.api, inboxPrefix: inbox = DEFAULT_PREFIXES.inbox } = natsOptions(
      known(config),
    );
    const resources = resourcesOf(selected, selected.functions, all.functions, names);
    const required = permissionsOf(resources, existing, { api, inbox });
    const groups = Map.groupBy(
      refusals(known(user), required),
      ({ permission: { action, purpose }, deniedBy = "" }) => `${action}\n${purpose}\n${deniedBy}`,
    );
    return [...groups.values()].map((group) => ({
      severity: group[0].permission.optional ? "warning" : "error",
      what: describe(known(user).user, group),
      fix: fixOf(group),
    }));
  },
};

export function refusals(user: UserPermissions, required: readonly Permission[]): Refusal[] {
  return required.flatMap((permission): Refusal[] => {
    const { allow, deny = [] } = user[permission.action] ?? {};
    const deniedBy = deny.find((subject) => overlaps(withoutQueue(subject), permission.subject));
    if (deniedBy !== undefined) return [{ permission, deniedBy }];
    if (allow === undefined || allow.length === 0) return [];
    return allow.some((subject) => covers(withoutQueue(subject), permission.subject)) ? [] : [{ permission }];
  });
}

/** Removes the queue group that a permission to subscribe may name after its subject. */
function withoutQueue(subject: string): string {
  return subject.split(" ", 1)[0];
}

/** Returns the part of a project that a process of this configuration runs. Other processes may have other users. */
function selectedBy(config: Config, project: Registry): Registry {
  const { WEIR_ROLES: roles, WEIR_FUNCTIONS: selected } = config;
  const functions = project.functions.filter(({ name }) => selected?.includes(name) ?? true);
  return {
    ...project,
    functions: roles.includes("functions") ? functions : [],
    events: roles.includes("ingress") ? project.events : new Map(),
  };
}

function describe(user: string, group: readonly Refusal[]): string {
  const [{ permission: { action, purpose }, deniedBy }] = group;
  const subjects = group.map(({ permission }) => permission.subject).join(", ");
  const denied = deniedBy === undefined ? "" : ` (its deny list has "${deniedBy}")`;
  return `the NATS user ${user} may not ${action} ${subjects}${denied}, which Weir needs ${purpose}`;
}

function fixOf(group: readonly Refusal[]): string {
  const [{ permission: { action }, deniedBy }] = group;
  if (deniedBy !== undefined) return `remove "${deniedBy}" from the deny list of ${action}`;
  const subjects = group.map(({ permission }) => `"${permission.subject}"`).join(", ");
  return `${action}: { allow: [${subjects}] }, added to the present list`;
}
