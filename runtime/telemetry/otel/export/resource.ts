import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";

/** Id of this process in all its telemetry. It tells replicas apart whose metrics are pushed. */
const INSTANCE_ID = crypto.randomUUID();

/** Attributes of a resource, by their names. */
export type ResourceAttributes = Readonly<Record<string, string>>;

/**
 * Returns the resource of a service's telemetry. `OTEL_RESOURCE_ATTRIBUTES` adds to it and overrides it.
 *
 * @param attributes Further attributes. Default: none.
 */
export function resourceOf(serviceName: string, attributes: ResourceAttributes = {}): Resource {
  return defaultResource()
    .merge(resourceFromAttributes({ "service.name": serviceName, "service.instance.id": INSTANCE_ID, ...attributes }))
    .merge(detectResources({ detectors: [envDetector] }));
}
