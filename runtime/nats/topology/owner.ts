import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { Change, Scope, Step, StepOf } from "./step.ts";

/**
 * Metadata keys by which streams, consumers and buckets name the project that made them. Earlier releases wrote none.
 */
const PROJECT = "weir-project", NAMESPACE = "weir-namespace";

export type Metadata = Readonly<Record<string, string>>;

/**
 * Returns the mark for what a project makes; undefined if the project has neither a name nor a namespace. A namespace
 * counts as the name of a project without one (`core/namespace.ts`).
 */
export function markOf({ name, project }: Namespace): Metadata | undefined {
  if (project === undefined) return undefined;
  return { [PROJECT]: project, ...(name !== undefined && { [NAMESPACE]: name }) };
}

/** Returns the mark in metadata; undefined without one. */
export function markIn(metadata: Metadata = {}): Metadata | undefined {
  const mark = Object.entries(metadata).filter(([key]) => key === PROJECT || key === NAMESPACE);
  return mark.length === 0 ? undefined : Object.fromEntries(mark);
}

/** Returns the name of the project that made what has this metadata; undefined if it has no mark. */
export function ownerIn(metadata: Metadata | undefined): string | undefined {
  return metadata?.[PROJECT];
}

export function isMarked(metadata: Metadata | undefined): boolean {
  return metadata?.[PROJECT] !== undefined;
}

/** Returns whether metadata has the mark of another project or namespace. Metadata without a mark is not foreign. */
export function isForeign(
  metadata: Metadata | undefined,
  { name, project }: Namespace = NO_NAMESPACE,
): boolean {
  if (!isMarked(metadata)) return false;
  const { [PROJECT]: owner, [NAMESPACE]: namespace } = metadata!;
  // If the owner is the namespace, the mark is of a time when this project had no name.
  return namespace !== name || (owner !== project && owner !== namespace);
}

/**
 * Returns why this project must not use a stream, consumer or bucket with this metadata, and what to do. Undefined if
 * the project may use it.
 */
export function ownerProblem(metadata: Metadata | undefined, names: Namespace): string | undefined {
  if (!isForeign(metadata, names)) return undefined;
  const { [PROJECT]: owner, [NAMESPACE]: namespace } = metadata!;
  return `it belongs to ${describe(owner, namespace)}, and this is ${describe(names.project, names.name)}: set ` +
    "WEIR_NAMESPACE to a name of this one's own, and both share the account; if they are the same project, " +
    `write "name": ${JSON.stringify(owner)} in deno.json` +
    (namespace === names.name
      ? ""
      : ` and ${namespace === undefined ? "unset WEIR_NAMESPACE" : `set ${variable(namespace)}`}`) +
    // Taking over means replacing the mark, and a project with neither name nor namespace has no mark.
    (names.project === undefined ? "" : ", or take it over with `deno task apply --take-over`");
}

function describe(project: string | undefined, namespace: string | undefined): string {
  const named = project === undefined ? "a project without a name" : `the project ${JSON.stringify(project)}`;
  return namespace === undefined ? named : `${named} with ${variable(namespace)}`;
}

function variable(namespace: string): string {
  return `WEIR_NAMESPACE=${namespace}`;
}

/**
 * Returns a step that respects the owner. A step that creates adds the mark. If what exists has no mark, because an
 * earlier release made it, a start and `apply` add the mark. If it has the mark of another project, the step is
 * blocked.
 *
 * @param metadata Metadata of the existing stream, consumer or bucket. Default: it does not exist.
 */
export function withOwner(
  step: Step,
  metadata: Metadata | undefined,
  names: Namespace = NO_NAMESPACE,
  scope: Scope = "apply",
  takeOver = false,
): Step {
  const mark = markOf(names);
  if (step.kind === "create") {
    return mark
      ? { ...step, config: { ...step.config, metadata: { ...step.config.metadata, ...mark } } } as Step
      : step;
  }
  if (step.kind !== "same" && step.kind !== "update" && step.kind !== "blocked") return step;
  const problem = takeOver && mark ? undefined : ownerProblem(metadata, names);
  const { what, name } = step, target = what === "consumer" ? { what, name, stream: step.stream } : { what, name };
  if (problem) return { ...target, kind: "blocked", problems: [problem], isOwnedByOther: true };
  const adopts = mark && scope !== "running" && (!isMarked(metadata) || takeOver && isForeign(metadata, names));
  if (!adopts || step.kind === "blocked") return step;
  const changes = step.kind === "update" ? step.changes : [], leftOut = step.kind === "update" ? step.leftOut : [];
  // A consumer's metadata also say where its function began. That change and the mark become one change.
  const others = changes.filter(({ field }) => field !== "metadata"),
    other = changes.find((one) => !others.includes(one));
  const change = markChange({ ...metadata, ...other?.to as Metadata | undefined }, metadata, mark);
  return { ...target, kind: "update", changes: [...others, change], leftOut };
}

function markChange(wanted: Metadata, found: Metadata | undefined, mark: Metadata): Change {
  const from = ownMetadata(found), to = { ...withoutMark(wanted), ...mark };
  return { field: "metadata", from: Object.keys(from).length > 0 ? from : undefined, to };
}

function withoutMark(metadata?: Metadata): Metadata {
  const { [PROJECT]: _project, [NAMESPACE]: _namespace, ...others } = ownMetadata(metadata);
  return others;
}

/** Names that begin with `_nats.` are the server's own. */
function ownMetadata(metadata: Metadata = {}): Metadata {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !name.startsWith("_nats.")));
}

/** Returns whether a change adds nothing but the mark. */
export function isMarkOnly({ field, from, to }: Change): boolean {
  if (field !== "metadata") return false;
  const before = withoutMark(from as Metadata | undefined), after = withoutMark(to as Metadata);
  return Object.entries(after).every(([name, value]) => before[name] === value);
}

/**
 * Returns whether a step changes nothing but the mark. The mark only keeps other projects out, so Weir also works
 * without it.
 */
export function isAdoption(step: Step): step is StepOf<"update"> {
  return step.kind === "update" && step.changes.every(isMarkOnly);
}
