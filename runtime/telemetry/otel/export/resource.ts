import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";

/** Id of this process in all its telemetry: it tells apart replicas that push. */
const INSTANCE_ID = crypto.randomUUID();

/** Returns the resource of a service's telemetry. `OTEL_RESOURCE_ATTRIBUTES` adds to it and overrides it. */
export function resourceOf(serviceName: string): Resource {
  return defaultResource()
    .merge(resourceFromAttributes({ "service.name": serviceName, "service.instance.id": INSTANCE_ID }))
    .merge(detectResources({ detectors: [envDetector] }));
}
