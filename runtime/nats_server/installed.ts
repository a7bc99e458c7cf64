import { delimiter, isAbsolute, join, resolve } from "node:path";
import { isSupported, OLDEST_SUPPORTED, parseVersion } from "../core/server_version.ts";
import { run } from "./run.ts";

/** Environment variables; tests pass their own. */
export interface Env {
  get(name: string): string | undefined;
}

/** File name of the server on this system. */
export const SERVER_FILE: string = Deno.build.os === "windows" ? "nats-server.exe" : "nats-server";

/**
 * Checks that the file at `path` is a supported nats-server, by running it: a name cannot reveal a half-written file or
 * a binary of another system.
 *
 * @throws {Error} when it does not run, is another program, or is too old.
 */
export async function checkServer(path: string): Promise<void> {
  let printed: string;
  try {
    printed = await run(path, ["--version"]);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${path} cannot be run as a nats-server: ${why}`, { cause });
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

/** Returns whether a readable file is at `path`. A directory on `PATH` may belong to another user. */
export async function fileExists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    const { NotFound, NotADirectory, PermissionDenied } = Deno.errors;
    if ([NotFound, NotADirectory, PermissionDenied].some((kind) => error instanceof kind)) return false;
    throw error;
  }
}

/** Returns the absolute path of the first file called `name` in the directories of `PATH`. */
export async function findOnPath(name: string, env: Env): Promise<string | undefined> {
  for (const directory of (env.get("PATH") ?? "").split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const path = resolve(join(directory, name));
    if (await fileExists(path)) return path;
  }
  return undefined;
}
