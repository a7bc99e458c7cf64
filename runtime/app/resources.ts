import { consumerResources } from "../nats/consume/resources.ts";
import { DEAD_LETTER_RESOURCES } from "../nats/dead_letters/resources.ts";
import { TAIL_RESOURCES } from "../nats/inspect/resources.ts";
import { idempotencyResources } from "../nats/kv/resources.ts";
import { eventResources } from "../nats/publish/resources.ts";
import { RETRY_RESOURCES } from "../nats/retry/resources.ts";
import type { Resources } from "../nats/topology/resources.ts";
import type { Registry } from "../project/registry.ts";

/** Returns the NATS resources that each part of Weir needs to run these functions of a project. One line a part. */
export function resourcesOf(project: Registry, functions = project.functions): readonly Resources[] {
  return [
    eventResources({ ...project, functions }),
    DEAD_LETTER_RESOURCES,
    RETRY_RESOURCES,
    idempotencyResources(functions),
    consumerResources(functions),
    TAIL_RESOURCES,
  ];
}
