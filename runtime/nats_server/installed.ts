import { delimiter, isAbsolute, join, resolve } from "node:path";
import { isSupported, OLDEST_SUPPORTED, parseVersion } from "../core/server_version.ts";
import { run } from "./run.ts";

/** Reads environment variables; `Deno.env` is one, a test passes its own. */
export interface Env {
  get(name: string): string | undefined;
}

/** The server's file name on this system. */
export const SERVER_FILE: string = Deno.build.os === "windows" ? "nats-server.exe" : "nats-server";

/**
 * Throws unless the file at `path` runs and is a nats-server that is new enough.
 *
 * It is asked by running it: a file's name or its package says nothing about a half-written or foreign binary.
 */
export async function checkServer(path: string): Promise<void> {
  let printed: string;
  try {
    printed = await run(path, ["--version"]);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${path} can't be run as a nats-server: ${why}`, { cause });
  }
  const version = parseVersion(printed);
  if (!version) {
    throw new Error(
      `${path} is not a nats-server: \`${path} --version\` printed ${JSON.stringify(printed.trim())}`,
    );
  }
  if (!isSupported(version)) {
    throw new Error(`${path} is nats-server ${version}, but ${OLDEST_SUPPORTED} or newer is needed`);
  }
}

/** Whether there is a file at `path` that we may see: a directory on `PATH` may be another user's. */
export async function fileExists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    const { NotFound, NotADirectory, PermissionDenied } = Deno.errors;
    if ([NotFound, NotADirectory, PermissionDenied].some((kind) => error instanceof kind)) return false;
    throw error;
  }
}

/** The first file called `name` in the directories of `PATH`, as an absolute path. */
export async function findOnPath(name: string, env: Env): Promise<string | undefined> {
  for (const directory of (env.get("PATH") ?? "").split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const path = resolve(join(directory, name));
    if (await fileExists(path)) return path;
  }
  return undefined;
}
