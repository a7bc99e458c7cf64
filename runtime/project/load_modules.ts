import { readDenoJson } from "./deno_json.ts";
import { listFiles } from "./list_files.ts";
import type { LoadedModule } from "./loaded_module.ts";
import { formatDuration } from "../core/duration.ts";
import { type ImportContext, loadProblem } from "./load_problem.ts";

/**
 * Timeout of one import in milliseconds, including top-level awaits. Deno has no timeout: it waits without end, or,
 * once no timer or socket is left, exits without naming the file.
 */
const LOAD_TIMEOUT_MS = 10_000;

/** Imports files concurrently. Adds each distinct problem to `problems`, with the files that it affects. */
export async function loadModules(
  root: URL,
  files: readonly string[],
  problems: string[],
  timeoutMs: number = LOAD_TIMEOUT_MS,
): Promise<LoadedModule[]> {
  const reasons = new Map<string, string[]>();
  const modules = await Promise.all(files.map(async (file) => {
    try {
      return { file, exports: await importWithin(new URL(file, root).href, timeoutMs) };
    } catch (error) {
      const reason = error === TIMED_OUT
        ? timeoutProblem(file, timeoutMs)
        : loadProblem(error, await contextOf(root, file));
      reasons.set(reason, [...reasons.get(reason) ?? [], file]);
    }
  }));
  for (const [reason, files] of [...reasons].sort()) {
    const importers = files.filter((file) => !reason.startsWith(`${file}:`)).sort();
    problems.push(importers.length === 0 ? reason : `${reason} (imported by ${importers.join(", ")})`);
  }
  return modules.filter((module) => module !== undefined);
}

const TIMED_OUT = Symbol("the import timed out");

async function importWithin(url: string, timeoutMs: number): Promise<Record<string, unknown>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => timer = setTimeout(() => reject(TIMED_OUT), timeoutMs));
  try {
    return await Promise.race([import(url), late]);
  } finally {
    clearTimeout(timer);
  }
}

function timeoutProblem(file: string, timeoutMs: number): string {
  return `${file}: it is still loading after ${formatDuration(timeoutMs)}: a top-level await has not resolved. Move ` +
    "it into the handler (if packages are being downloaded, run `deno install` first)";
}

async function contextOf(root: URL, file: string): Promise<ImportContext> {
  const files = (await Promise.all(["functions", "schemas"].map((folder) => listFiles(root, folder)))).flat();
  const denoJson = await readDenoJson(root).catch(() => undefined); // only suggestions need it
  return {
    root,
    file,
    files: files.filter((path) => path.endsWith(".ts")),
    packages: Object.keys(denoJson?.imports ?? {}),
  };
}
