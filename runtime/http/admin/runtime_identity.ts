/** Identity of a running process, by which a command tells the processes of its own project from those of others. */
export interface RuntimeIdentity {
  /** Name of the project; undefined without one. */
  readonly project?: string;
  /** WEIR_NAMESPACE; undefined without one. */
  readonly namespace?: string;
  /** NATS servers, without passwords. */
  readonly nats: string;
}

/** Response headers that carry an identity. Values are URI-encoded: a project may have any name. */
const HEADERS = { project: "weir-project", namespace: "weir-namespace", nats: "weir-nats" } as const;
const FIELDS = Object.keys(HEADERS) as (keyof typeof HEADERS)[];

export function identityHeaders(identity: RuntimeIdentity): Record<string, string> {
  return Object.fromEntries(FIELDS.flatMap((field) => {
    const value = identity[field];
    return value === undefined ? [] : [[HEADERS[field], encodeURI(value)]];
  }));
}

/** Returns the identity in the headers of a response; undefined if an earlier release sent it. */
export function identityIn(headers: Headers): RuntimeIdentity | undefined {
  if (!headers.has(HEADERS.nats)) return undefined;
  const present = FIELDS.flatMap((field) => {
    const value = headers.get(HEADERS[field]);
    return value === null ? [] : [[field, decoded(value)]];
  });
  return Object.fromEntries(present);
}

/** Formats the owner of a process, as in `project "shop", WEIR_NAMESPACE=staging`. */
export function ownerText({ project, namespace }: Omit<RuntimeIdentity, "nats">): string {
  const named = project === undefined ? "project without a name" : `project ${JSON.stringify(project)}`;
  return namespace === undefined ? named : `${named}, WEIR_NAMESPACE=${namespace}`;
}

function decoded(value: string): string {
  try {
    return decodeURI(value);
  } catch {
    return value; // of another program
  }
}
