import type { Namespace } from "../core/namespace.ts";
import type { SubjectPrefixes } from "../nats/client/subject_prefixes.ts";
import { countPermissions, permissionsOf, publish } from "../nats/topology/permissions.ts";
import { combine, handlerBuckets, type Permission, type Resources, streamNames } from "../nats/topology/resources.ts";
import type { Registry } from "../project/registry.ts";
import { resourcesOf } from "./resources.ts";

/** A NATS user with the permissions that one role needs. */
export interface NatsUser {
  readonly name: string;
  /** The work that it is for, as a clause. */
  readonly purpose: string;
  readonly permissions: readonly Permission[];
}

interface NatsUserOptions {
  readonly names: Namespace;
  readonly prefixes: SubjectPrefixes;
  /** Whether each function has a user of its own. Default: all functions share one. */
  readonly each?: boolean;
  /** Buckets that handlers open with `ctx.kv`, by the names that handlers use. Default: none. */
  readonly buckets?: readonly string[];
}

/** Returns the users of a deployment: `apply` changes streams and consumers, the others start with `--no-apply`. */
export function natsUsers(
  registry: Registry,
  { names, prefixes, each = false, buckets = [] }: NatsUserOptions,
): NatsUser[] {
  const { functions, events } = registry, opened: Resources = { buckets: handlerBuckets(buckets, names) };
  const all = [...resourcesOf(registry, functions, functions, names), opened];
  const processOf = (part: Pick<Registry, "functions" | "events">): readonly Permission[] => {
    const own = resourcesOf({ ...registry, ...part }, part.functions, functions, names);
    const parts = part.functions.length > 0 ? [...own, opened] : own;
    return [...permissionsOf(parts, existingOf(parts), prefixes), ...check];
  };
  const check = publish("to check that JetStream answers", `${prefixes.api}.INFO`);
  const groups = each ? functions.map((fn) => [fn]) : functions.length > 0 ? [functions] : [];
  const users: NatsUser[] = groups.map((group) => ({
    name: each ? group[0].name : "functions",
    purpose: each ? `handles the events of ${group[0].name} (WEIR_FUNCTIONS)` : "handles events (WEIR_ROLES=functions)",
    permissions: processOf({ functions: group, events: new Map() }),
  }));
  if ([...events.values()].some(({ ingress }) => ingress)) {
    const permissions = processOf({ functions: [], events });
    users.unshift({ name: "ingress", purpose: "takes events by HTTP (WEIR_ROLES=ingress)", permissions });
  }
  return [...users, {
    name: "apply",
    purpose: "runs `plan` and `apply`",
    permissions: applyPermissions(all, prefixes, names),
  }];
}

/** Returns the permissions to create and change what the parts declare, and to handle no event. */
function applyPermissions(parts: readonly Resources[], prefixes: SubjectPrefixes, names: Namespace): Permission[] {
  const desired = combine(parts), counts = countPermissions(names.retries.stream, names.deadLetters.stream);
  const resources = [...parts.map(({ permissions: _, ...others }) => others), { permissions: counts }];
  const changes = publish(
    "to change streams",
    ...streamNames(desired).map((name) => `${prefixes.api}.STREAM.UPDATE.${name}`),
  );
  const lists = publish(
    "to find what the project no longer declares",
    `${prefixes.api}.INFO`,
    `${prefixes.api}.STREAM.NAMES`,
    `${prefixes.api}.STREAM.LIST`,
    ...streamNames(desired).map((name) => `${prefixes.api}.CONSUMER.LIST.${name}`),
  );
  const pulls = /\.CONSUMER\.MSG\.NEXT\.|^\$JS\.ACK\.|^\$KV\.|ADVISORY/;
  const needed = permissionsOf(resources, new Set(), prefixes).filter(({ subject }) => !pulls.test(subject));
  return [...needed, ...changes, ...lists];
}

function existingOf(parts: readonly Resources[]): ReadonlySet<string> {
  const desired = combine(parts);
  return new Set([
    ...streamNames(desired),
    ...desired.durables.map(({ stream, consumer }) => `${stream}.${consumer}`),
  ]);
}
