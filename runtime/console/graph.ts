import { covers, isWildcard } from "../core/subjects.ts";
import { sha256Hex } from "../core/sha256.ts";
import type { Registry } from "../project/registry.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";

/** An event, or a subject pattern that a function listens to. */
interface GraphEvent {
  readonly type: string;
  readonly stream?: string;
  readonly version?: number;
  readonly ingress: boolean;
  readonly route?: string;
  /** True for a pattern. @default false */
  readonly pattern?: true;
  readonly schedule?: string;
}

export interface GraphEdge {
  readonly id: string;
  /** `on`: from an event to a function. `emits`: from a function to an event. `covers`: from an event to a pattern. */
  readonly kind: "on" | "emits" | "covers";
  /** `event:TYPE` or `function:NAME`. */
  readonly from: string;
  readonly to: string;
}

export interface Graph {
  readonly events: readonly GraphEvent[];
  readonly functions: readonly {
    readonly name: string;
    readonly file: string;
    readonly on: readonly string[];
    readonly emits: readonly string[];
    readonly streams: readonly string[];
  }[];
  readonly edges: readonly GraphEdge[];
  readonly streams: readonly { readonly name: string; readonly subjects: readonly string[]; readonly foreign?: true }[];
  /** Changes with the project. */
  readonly revision: string;
}

/** Returns the functions of a project, the events between them, and who listens to and emits which. */
export function graphOf({ functions, events, streams, foreignStreams = [] }: Registry): Graph {
  const nodes = eventNodes(functions, events, streams);
  const patterns = [...nodes.values()].filter(({ pattern }) => pattern);
  const covered = patterns.flatMap(({ type: pattern }) =>
    [...nodes.values()].filter((one) => !one.pattern && covers(pattern, one.type))
      .map(({ type }) => edge("covers", `event:${type}`, `event:${pattern}`))
  );
  const graph = {
    events: [...nodes.values()],
    functions: functions.map(({ name, file, triggers, emits }) => ({
      name,
      file,
      on: triggers.map(({ pattern }) => pattern),
      emits: emits.map(({ type }) => type),
      streams: [...new Set(triggers.map(({ stream }) => stream))],
    })),
    edges: [...functions.flatMap(edgesOf), ...covered],
    streams: [
      ...streams.map(({ name, subjects }) => ({ name, subjects })),
      ...foreignStreams.map((name) => ({ name, subjects: [], foreign: true as const })),
    ],
  };
  return { ...graph, revision: sha256Hex(JSON.stringify(graph), 12) };
}

/** Returns the id of the edge from a trigger to its function. */
export function triggerEdge(pattern: string, functionName: string): string {
  return edge("on", `event:${pattern}`, `function:${functionName}`).id;
}

/** Returns the id of the edge from a function to an event that it emits. */
export function emitsEdge(functionName: string, type: string): string {
  return edge("emits", `function:${functionName}`, `event:${type}`).id;
}

function edgesOf({ name, triggers, emits }: ResolvedFunction): GraphEdge[] {
  return [
    ...triggers.map(({ pattern }) => edge("on", `event:${pattern}`, `function:${name}`)),
    ...emits.map(({ type }) => edge("emits", `function:${name}`, `event:${type}`)),
  ];
}

function edge(kind: GraphEdge["kind"], from: string, to: string): GraphEdge {
  return { id: `${kind} ${from} ${to}`, kind, from, to };
}

function eventNodes(
  functions: readonly ResolvedFunction[],
  events: Registry["events"],
  streams: Registry["streams"],
): Map<string, GraphEvent> {
  const nodes = new Map<string, GraphEvent>();
  const streamOf = (type: string) => streams.find(({ subjects }) => subjects.some((one) => covers(one, type)))?.name;
  for (const { type, version, stream = streamOf(type), ingress } of events.values()) {
    const route = ingress?.route;
    nodes.set(type, {
      type,
      version,
      ingress: ingress !== undefined,
      ...(stream !== undefined && { stream }),
      ...(route !== undefined && { route }),
    });
  }
  for (const { pattern: type, stream, schedule } of functions.flatMap(({ triggers }) => triggers)) {
    const known = nodes.get(type);
    nodes.set(type, {
      ...(known ?? { type, ingress: false }),
      stream,
      ...(schedule && { schedule: schedule.text }),
      ...(isWildcard(type) && { pattern: true as const }),
    });
  }
  return nodes;
}
