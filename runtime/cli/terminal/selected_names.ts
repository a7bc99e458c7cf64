import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { isWildcard } from "../../core/subjects.ts";
import { allConsumers, functionConsumers, functionNames } from "../../nats/topology/function_consumers.ts";
import { listModules } from "../../project/list_files.ts";
import { loadEvents, loadProject, PROJECT } from "../../project/load_project.ts";
import { CommandFailure } from "./exit_codes.ts";
import { unknownFunction, unknownType } from "../../project/unknown_name.ts";

/** The cluster that is searched for names. Default: without a namespace. */
interface Searched {
  readonly jsm: JetStreamManager;
  readonly names?: Namespace;
}

/** Returns whether the project has a function. Functions are loaded only if no file has that name. */
export async function declaresFunction(name: string): Promise<boolean> {
  return (await fileNames()).includes(name) || (await loadProject()).functions.some((fn) => fn.name === name);
}

/**
 * Checks the names of a selection that matched nothing, because a misspelt name matches nothing either.
 *
 * @throws {CommandFailure} for a function that has no file here and never ran on this cluster, and for a type that no
 * schema declares and no stream stores.
 */
export async function checkNames(
  { function: fn, type }: { readonly function?: string; readonly type?: string },
  { jsm, names = NO_NAMESPACE }: Searched,
): Promise<void> {
  if (fn !== undefined) {
    const all = new Set([...await fileNames(), ...await functionNames(jsm, names)]);
    if (!all.has(fn)) throw new CommandFailure(unknownFunction(fn, all));
  }
  if (type === undefined || isWildcard(type)) return;
  const { events } = await loadEvents().catch(() => ({ events: undefined })); // a broken schema must not hide a result
  if (!events || events.has(type)) return;
  const unknown = unknownType(type, events.keys());
  if ((await Array.fromAsync(jsm.streams.names(names.subject(type)))).length === 0) throw new CommandFailure(unknown);
  console.error(unknown); // a plain NATS publisher may use it
}

/**
 * Returns the consumers of functions, by name.
 *
 * @throws {CommandFailure} for a function that has never run on this cluster, before anything is done.
 */
export async function consumersOf(
  { jsm, names = NO_NAMESPACE }: Searched,
  functions: readonly string[],
): Promise<Map<string, ConsumerInfo[]>> {
  const found = new Map<string, ConsumerInfo[]>();
  for (const name of new Set(functions)) {
    const consumers = await functionConsumers(jsm, name, names);
    if (consumers.length > 0) {
      found.set(name, consumers);
      continue;
    }
    if ((await fileNames()).includes(name)) throw new CommandFailure(`the function ${name} has never run here`);
    throw new CommandFailure(unknownFunction(name, await functionNames(jsm, names)));
  }
  return found;
}

/** Returns the consumers of functions as {@linkcode consumersOf} does, and those of their partitions. */
export async function allConsumersOf(
  cluster: Searched,
  functions: readonly string[],
): Promise<Map<string, ConsumerInfo[]>> {
  const { jsm, names = NO_NAMESPACE } = cluster, found = await consumersOf(cluster, functions);
  return new Map(
    await Promise.all(
      [...found.keys()].map(async (name) => [name, await allConsumers(jsm, name, names)] as const),
    ),
  );
}

/** Passes the items of a selection on, and checks its names if there are none. */
export async function* checkedSelection<Item>(
  items: AsyncIterable<Item>,
  selection: Parameters<typeof checkNames>[0],
  cluster: Searched,
): AsyncIterable<Item> {
  let isEmpty = true;
  for await (const item of items) {
    isEmpty = false;
    yield item;
  }
  if (isEmpty) await checkNames(selection, cluster);
}

async function fileNames(): Promise<string[]> {
  return (await listModules(new URL("functions/", PROJECT))).map((file) => file.slice(0, -".ts".length));
}
