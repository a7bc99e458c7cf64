import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Milliseconds without further events that end a change: an editor saves a file in several steps. */
const SETTLE_MS = 20;

/** The file that `dev` generates. */
export const GENERATED = /(^|\/)schemas\/_types\.d\.ts$/;

/** Temporary files of editors. */
const TEMPORARY = /(^|\/)[.#][^/]*$|~$|\.(swp|swx|tmp|bak)$|\/\d+$/;

/** Files that changed together, and the time of the first change by `performance.now()`. */
export interface FileChange {
  readonly files: readonly string[];
  readonly atMs: number;
}

/** A sequence of changes. */
export interface FileChanges {
  /** Takes the next change, once there is one. */
  next(): Promise<FileChange>;
  /** Resolves when `next` would return at once. It takes nothing. */
  readonly more: Promise<void>;
  /** Watches these files as well, by their paths relative to the root, instead of those given before. */
  follow(files: Iterable<string>): void;
  /** Adds files that changed while they were not watched yet. */
  note(files: readonly string[]): void;
}

/**
 * Watches all sources below some folders of a project, and some files in its root, from now on. A folder that is
 * created or removed is a change of `folder/`.
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
  /** Watches a folder again after it was removed and created, as by a change of branch: its inode differs. */
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
  const others = new OtherFiles(path, note);
  return {
    follow: (files) => others.follow([...files].filter((file) => !folders.some((one) => file.startsWith(`${one}/`)))),
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
    note,
  };
}

/**
 * Watches single files by their folders. For a file that does not exist yet it watches the nearest folder that does.
 */
class OtherFiles {
  readonly #watchers = new Map<string, Deno.FsWatcher>();
  #names: ReadonlySet<string> = new Set();

  constructor(readonly root: string, readonly note: (names: readonly string[]) => void) {}

  follow(files: readonly string[]): void {
    const names = new Set<string>(), folders = new Set<string>();
    for (const file of files) {
      let name = join(this.root, file);
      while (inodeOf(dirname(name)) === undefined) name = dirname(name);
      names.add(name).add(join(this.root, file));
      folders.add(dirname(name));
    }
    this.#names = names;
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) void this.#watch(folder);
  }

  async #watch(folder: string): Promise<void> {
    const watcher = Deno.watchFs(folder, { recursive: false });
    this.#watchers.set(folder, watcher);
    for await (const { kind, paths } of watcher) {
      if (kind === "access") continue;
      this.note(paths.filter((path) => this.#names.has(path)).map((path) => relative(this.root, path)));
      if (!paths.includes(folder) || kind !== "remove") continue;
      watcher.close(); // the folder itself is gone, and a new one has another inode
      this.#watchers.delete(folder);
      this.note([`${relative(this.root, folder)}/`]);
    }
  }
}

/** Returns the inode of a folder: undefined if the folder does not exist, null if the system has no inodes. */
function inodeOf(folder: string): number | null | undefined {
  try {
    return Deno.statSync(folder).ino;
  } catch {
    return undefined;
  }
}

/** Returns whether a file may be part of the project: its name has an extension, and it is not temporary. */
export function isSource(file: string): boolean {
  return /\/[^/]+\.[^/.]+$/.test(file) && !TEMPORARY.test(file) && !GENERATED.test(file);
}
