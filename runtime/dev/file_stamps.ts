import { join } from "node:path";

/** The state of files at one time: which were there, and when each was written. */
export class FileStamps {
  readonly #stamps: ReadonlyMap<string, string | undefined>;
  readonly #atMs = Date.now();

  /** @param files Paths relative to the root. */
  constructor(readonly root: string, files: Iterable<string>) {
    this.#stamps = new Map([...files].map((file) => [file, this.#stampOf(file)]));
  }

  /** Returns the files that have changed since: also one of which no state was taken, if it was written later. */
  changed(files: Iterable<string>): string[] {
    return [...files].filter((file) =>
      this.#stamps.has(file) ? this.#stampOf(file) !== this.#stamps.get(file) : this.#writtenMs(file) > this.#atMs
    );
  }

  /** Returns undefined for a file that does not exist. */
  #stampOf(file: string): string | undefined {
    const { ino, mtime } = this.#stat(file) ?? {};
    return mtime ? `${ino} ${mtime.getTime()}` : undefined;
  }

  #writtenMs(file: string): number {
    return this.#stat(file)?.mtime?.getTime() ?? 0;
  }

  #stat(file: string): Deno.FileInfo | undefined {
    try {
      return Deno.statSync(join(this.root, file));
    } catch {
      return undefined;
    }
  }
}
