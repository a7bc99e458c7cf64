/** Signals that ask a process to stop: Ctrl-C, and what supervisors and Kubernetes send. */
export const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** Calls `first` for the first such signal, and `again` for every one after it. */
export function onStopSignal(first: (signal: Deno.Signal) => void, again: () => void): void {
  let asked = false;
  for (const signal of STOP_SIGNALS) {
    Deno.addSignalListener(signal, () => {
      if (asked) return again();
      asked = true;
      first(signal);
    });
  }
}
