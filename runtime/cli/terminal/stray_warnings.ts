import { errorDetail, read } from "../../core/error_detail.ts";
import { errorText } from "../../core/outcome.ts";
import { WEIR_ROOT } from "../../core/own_modules.ts";
import { printable } from "../../telemetry/otel/logs/printable.ts";

/**
 * Warns of errors that the modules of a project throw outside any function, such as a failed connection that no module
 * awaits. Deno would end the command, although it does not need that connection. Errors of Weir itself still end the
 * command.
 */
export function warnOfStrayErrors(): void {
  addEventListener("unhandledrejection", (event) => warn(event, event.reason));
  addEventListener("error", (event) => warn(event, event.error));
}

function warn(event: Event, thrown: unknown): void {
  const stack = read(thrown, "stack");
  if (typeof stack === "string" && stack.includes(WEIR_ROOT.href)) return;
  event.preventDefault();
  const text = errorText(errorDetail(thrown));
  console.error(`warning: a module of the project threw an error that nothing caught: ${printable(text)}`);
}
