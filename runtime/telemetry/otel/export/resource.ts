import type { Attributes } from "@opentelemetry/api";
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";

/** Returns the resource of a service's telemetry. `OTEL_RESOURCE_ATTRIBUTES` adds to it and overrides it. */
export function resourceOf(serviceName: string, attributes: Attributes = {}): Resource {
  return defaultResource()
    .merge(resourceFromAttributes({ "service.name": serviceName, ...attributes }))
    .merge(detectResources({ detectors: [envDetector] }));
}
