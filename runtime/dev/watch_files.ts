import { fileURLToPath } from "node:url";

/** An editor that saves writes a file in several steps: what follows within this time is one change. */
const SETTLE_MS = 20;

/** Files that editors and the runtime itself leave for a moment. */
const NOT_OURS = /(^|\/)[.#][^/]*$|~$|\.(swp|swx|tmp|bak)$|\/\d+$|\/_types\.d\.ts$/;

/** Files that changed together, and when the first of them did, by `performance.now()`. */
export interface FileChange {
  readonly files: readonly string[];
  readonly atMs: number;
}

/** The changes of files, one after another. */
export interface FileChanges {
  /** Waits for the next one. */
  next(): Promise<FileChange>;
  /** Resolves when there is a next one. */
  readonly more: Promise<void>;
}

/**
 * The files below these folders, and those beside them, that change from now on: once they have been quiet for a moment.
 * A folder itself that comes or goes is a change of `folder/`.
 */
export async function watchFiles(
  root: URL,
  folders: readonly string[],
  files: readonly string[],
): Promise<FileChanges> {
  const path = fileURLToPath(root);
  const changed = new Set<string>();
  let atMs = 0, quiet = Promise.withResolvers<void>(), timer: ReturnType<typeof setTimeout> | undefined;
  const note = (names: readonly string[]) => {
    if (names.length === 0) return;
    if (changed.size === 0) atMs = performance.now();
    for (const name of names) changed.add(name);
    clearTimeout(timer);
    timer = setTimeout(() => quiet.resolve(), SETTLE_MS);
  };
  const follow = async (watcher: Deno.FsWatcher, heard: (names: readonly string[]) => void) => {
    for await (const { kind, paths: touched } of watcher) {
      if (kind !== "access") heard(touched.map((one) => one.slice(path.length)));
    }
  };
  const watched = new Map<string, { readonly inode: number | null; readonly watcher: Deno.FsWatcher }>();
  /** One that was taken away and made again, as by a change of branch, is another folder to the system. */
  const watchFolder = (folder: string): boolean => {
    const last = watched.get(folder), inode = inodeOf(path + folder);
    if (last?.inode === inode) return false;
    last?.watcher.close();
    watched.delete(folder);
    if (inode === undefined) return true;
    const watcher = Deno.watchFs(path + folder);
    watched.set(folder, { inode, watcher });
    void follow(watcher, (names) => note(names.filter(isSource)));
    return true;
  };
  for (const folder of folders) await Deno.mkdir(path + folder, { recursive: true });
  void follow(Deno.watchFs(path, { recursive: false }), (names) => {
    note(names.filter((name) => files.includes(name)));
    note(folders.filter((folder) => names.includes(folder) && watchFolder(folder)).map((folder) => `${folder}/`));
  });
  for (const folder of folders) watchFolder(folder);
  return {
    next: async () => {
      await quiet.promise;
      quiet = Promise.withResolvers();
      const files = [...changed].sort();
      changed.clear();
      return { files, atMs };
    },
    get more() {
      return quiet.promise;
    },
  };
}

/** Undefined: there is none. Null where the system does not tell. */
function inodeOf(folder: string): number | null | undefined {
  try {
    return Deno.statSync(folder).ino;
  } catch {
    return undefined;
  }
}

/** Whether a file may be part of the project: its name has an ending, and is not an editor's own. */
export function isSource(file: string): boolean {
  return /\/[^/]+\.[^/.]+$/.test(file) && !NOT_OURS.test(file);
}
