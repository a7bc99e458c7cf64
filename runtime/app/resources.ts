import { consumerResources, durablesOf } from "../nats/consume/resources.ts";
import { DEAD_LETTER_RESOURCES } from "../nats/dead_letters/resources.ts";
import { backlogResources, TAIL_RESOURCES } from "../nats/inspect/resources.ts";
import { idempotencyResources } from "../nats/kv/resources.ts";
import { eventResources } from "../nats/publish/resources.ts";
import { RETRY_RESOURCES } from "../nats/retry/resources.ts";
import type { Resources } from "../nats/topology/resources.ts";
import type { Registry } from "../project/registry.ts";

/**
 * Returns the NATS resources that each part of Weir needs to run these functions of a project. One line a part.
 *
 * @param declared Every function of the project. Default: those of `project`.
 */
export function resourcesOf(
  project: Registry,
  functions = project.functions,
  declared = project.functions,
): readonly Resources[] {
  return [
    eventResources({ ...project, functions }),
    DEAD_LETTER_RESOURCES,
    RETRY_RESOURCES,
    idempotencyResources(functions),
    consumerResources(functions),
    TAIL_RESOURCES,
    backlogResources(durablesOf(declared.filter((fn) => !functions.includes(fn)))),
  ];
}
