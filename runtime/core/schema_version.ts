/** Beginning of the URN that names the schema of an event: type and version follow. */
const PREFIX = "urn:weir:schema:";

/** Returns the CloudEvents `dataschema` of an event, such as `urn:weir:schema:orders.created:2`. */
export function dataSchemaOf(type: string, version: number): string {
  return `${PREFIX}${type}:${version}`;
}

/** Returns the version that a `dataschema` names. Undefined if the schema is of another type, or not one of Weir's. */
export function versionIn(dataSchema: string | undefined, type: string): number | undefined {
  const start = `${PREFIX}${type}:`;
  if (!dataSchema?.startsWith(start)) return undefined;
  const version = dataSchema.slice(start.length);
  return /^[1-9]\d{0,8}$/.test(version) ? Number(version) : undefined;
}
