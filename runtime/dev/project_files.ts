import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { isModule } from "../project/list_files.ts";
import { FileStamps } from "./file_stamps.ts";
import { ModuleGraph } from "./module_graph.ts";
import { type FileChange, type FileChanges, watchFiles } from "./watch_files.ts";

/**
 * Extensions of modules. A module counts only if the project imports it. A file of another kind always counts, since a
 * module may read it.
 */
const SCRIPT = /\.[cm]?[jt]sx?$/;

/** Ends the line of what went live. */
export const LIVE = styleText("green", "live");

/** Describes the changes that a revision went live with, such as `a.ts: live; b.ts: removed`. */
export function liveText(root: URL, files: Iterable<string>): string {
  const { live = [], removed = [] } = Object.groupBy(
    files,
    (file) => existsSync(join(fileURLToPath(root), file)) ? "live" : "removed",
  );
  return [[live, LIVE] as const, [removed, "removed"] as const].filter(([some]) => some.length > 0)
    .map(([some, state]) => `${some.join(", ")}: ${state}`).join("; ");
}

/** The files of a project, watched: its folders, its `deno.json`, and the modules that it imports from elsewhere. */
export class ProjectFiles {
  readonly #graph: ModuleGraph;
  /** The followed files as they were when the last change was taken. Undefined before the first. */
  #taken: FileStamps | undefined;
  /** Resolves when the module graph was last read. Reads run one at a time. */
  #following: Promise<void>;

  static async watch(root: URL, folders: readonly string[], files: readonly string[]): Promise<ProjectFiles> {
    return new ProjectFiles(root, folders, await watchFiles(root, folders, files));
  }

  private constructor(readonly root: URL, readonly folders: readonly string[], readonly changes: FileChanges) {
    this.#graph = new ModuleGraph(root, folders);
    this.#following = this.#follow();
  }

  /** Takes the next change, once there is one. */
  async next(): Promise<FileChange> {
    const change = await this.changes.next();
    this.#taken = new FileStamps(fileURLToPath(this.root), this.#graph.files);
    return change;
  }

  /** Resolves when {@linkcode next} would return at once. */
  get more(): Promise<void> {
    return this.changes.more;
  }

  /** Reads the module graph again in the background. Returns the changed files that are not part of the project. */
  async unused(changed: readonly string[]): Promise<readonly string[]> {
    const before = this.#graph.files;
    this.#following = this.#following.catch(() => {}).then(() => this.#follow());
    const doubtful = changed.filter((file) => SCRIPT.test(file) && !this.#isLoaded(file) && !before.has(file));
    if (doubtful.length === 0) return [];
    await this.#following;
    return doubtful.filter((file) => !this.#graph.files.has(file));
  }

  #isLoaded(file: string): boolean {
    const [folder, name, ...below] = file.split("/");
    return this.folders.includes(folder) && below.length === 0 && isModule(name);
  }

  async #follow(): Promise<void> {
    await this.#graph.refresh().catch(() => {}); // then the files that were known are watched
    const { files } = this.#graph;
    this.changes.follow(files);
    // A file may have changed after the last change was taken, and before it was watched.
    this.changes.note(this.#taken?.changed(files) ?? []);
  }
}
