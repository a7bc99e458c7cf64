import type { Log } from "../../api/context.ts";
import { isOwnModule } from "../../core/own_modules.ts";
import { PROJECT } from "../../project/load_project.ts";

/** Functions that end a process, as they stand in a stack trace. */
const EXIT = /\b(Object\.exit|process\.exit|reallyExit)\b/;

/** Logs which line of project code ended the process. Deno itself ends it without a message. */
export function logCallerOfExit(log: Log): void {
  addEventListener("unload", () => {
    const at = callerOfExit(new Error().stack ?? "");
    if (at === undefined || isOwnModule(at)) return;
    log.error(
      "Deno.exit or process.exit ends the process, and with it every handler that runs: throw an Error instead",
      { at: at.replace(PROJECT.href, "") },
    );
  });
}

/** Returns the location that called exit, or undefined if the process ends for another reason. */
function callerOfExit(stack: string): string | undefined {
  const frames = stack.split("\n"), exit = frames.findLastIndex((frame) => EXIT.test(frame));
  if (exit < 0) return undefined;
  const location = /((?:file|https?):[^\s()]+)/;
  return location.exec(frames.slice(exit + 1).find((frame) => location.test(frame)) ?? "")?.[1];
}
