import { type Namespace, NO_NAMESPACE } from "../core/namespace.ts";
import { consumerResources, durablesOf } from "../nats/consume/resources.ts";
import { deadLetterResources } from "../nats/dead_letters/resources.ts";
import { backlogResources, tailResources } from "../nats/inspect/resources.ts";
import { breakerResources, idempotencyResources, rateResources } from "../nats/kv/resources.ts";
import { partitionResources } from "../nats/partitions/resources.ts";
import { progressResources } from "../nats/progress/resources.ts";
import { eventResources } from "../nats/publish/resources.ts";
import { retryResources } from "../nats/retry/resources.ts";
import { scheduleResources } from "../nats/schedule/resources.ts";
import type { Resources } from "../nats/topology/resources.ts";
import type { Registry } from "../project/registry.ts";

/**
 * Returns the NATS resources that each part of Weir needs to run these functions of a project. Each part is one line.
 *
 * @param declared Every function of the project. Default: the functions of `project`.
 * @param names The names in NATS. Default: without a namespace.
 */
export function resourcesOf(
  project: Registry,
  functions = project.functions,
  declared = project.functions,
  names: Namespace = NO_NAMESPACE,
): readonly Resources[] {
  return [
    eventResources({ ...project, functions }, names),
    deadLetterResources(names),
    retryResources(names),
    idempotencyResources(functions, names),
    scheduleResources(functions, names),
    rateResources(functions, names),
    breakerResources(functions, declared, names),
    partitionResources(functions, names),
    consumerResources(functions, names),
    tailResources(names),
    progressResources(project, names),
    backlogResources(durablesOf(declared.filter((fn) => !functions.includes(fn)), names)),
  ];
}
