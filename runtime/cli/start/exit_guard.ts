import type { Log } from "../../api/context.ts";
import { PROJECT } from "../../project/load_project.ts";
import { isOwnModule } from "../../core/own_modules.ts";

/** What ends a process, in the stack of whoever asked for it. */
const EXIT = /\b(Object\.exit|process\.exit|reallyExit)\b/;

/** Says in the log who ended the process, where that was not Weir itself: Deno ends it without a word. */
export function tellUnaskedExit(log: Log): void {
  addEventListener("unload", () => {
    const at = exitedAt(new Error().stack ?? "");
    if (at === undefined || isOwnModule(at)) return;
    log.error(
      "Deno.exit or process.exit ends the process, and with it every handler that runs: throw an Error instead",
      {
        at: at.replace(PROJECT.href, ""),
      },
    );
  });
}

/** Where exit was called from; undefined when the process ends by itself. */
function exitedAt(stack: string): string | undefined {
  const frames = stack.split("\n"), exit = frames.findLastIndex((frame) => EXIT.test(frame));
  if (exit < 0) return undefined;
  const place = /((?:file|https?):[^\s()]+)/;
  return place.exec(frames.slice(exit + 1).find((frame) => place.test(frame)) ?? "")?.[1];
}
