import { fileURLToPath } from "node:url";

/** An editor that saves writes a file in several steps: what follows within this time is one change. */
const SETTLE_MS = 20;

/** Files that editors and the runtime itself leave for a moment. */
const NOT_OURS = /(^|\/)[.#][^/]*$|~$|\.(swp|swx|tmp|bak)$|\/\d+$|\/_types\.d\.ts$/;

/** Files that changed together, and when the first of them did, by `performance.now()`. */
export interface Change {
  readonly files: readonly string[];
  readonly atMs: number;
}

/**
 * The files below these folders, and those beside them, that change from now on: once they have been quiet for a moment.
 */
export async function watchFiles(
  root: URL,
  folders: readonly string[],
  files: readonly string[],
): Promise<AsyncIterable<Change>> {
  const path = fileURLToPath(root);
  const changed = new Set<string>();
  let atMs = 0, quiet = Promise.withResolvers<void>(), timer: ReturnType<typeof setTimeout> | undefined;
  const follow = async (watcher: Deno.FsWatcher, ours: (file: string) => boolean) => {
    for await (const { kind, paths: touched } of watcher) {
      if (kind === "access") continue;
      const names = touched.map((one) => one.slice(path.length)).filter(ours);
      if (names.length === 0) continue;
      if (changed.size === 0) atMs = performance.now();
      for (const name of names) changed.add(name);
      clearTimeout(timer);
      timer = setTimeout(() => quiet.resolve(), SETTLE_MS);
    }
  };
  for (const folder of folders) await Deno.mkdir(path + folder, { recursive: true });
  void follow(Deno.watchFs(folders.map((folder) => path + folder)), isSource);
  void follow(Deno.watchFs(path, { recursive: false }), (file) => files.includes(file));
  return (async function* () {
    while (true) {
      await quiet.promise;
      quiet = Promise.withResolvers();
      const files = [...changed].sort();
      changed.clear();
      yield { files, atMs };
    }
  })();
}

/** Whether a file may be part of the project: its name has an ending, and is not an editor's own. */
export function isSource(file: string): boolean {
  return /\/[^/]+\.[^/.]+$/.test(file) && !NOT_OURS.test(file);
}
