/**
 * Signals that ask a process to stop: SIGINT from Ctrl-C, SIGTERM from service managers and Kubernetes, SIGHUP from a
 * terminal that closes, SIGQUIT from Ctrl-\\ and some container images.
 */
const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/**
 * Milliseconds within which signals count as one. A single Ctrl-C arrives twice: from the terminal, which signals the
 * whole process group, and from `deno task`, which forwards what it received. No person presses the keys this fast.
 */
const SAME_SIGNAL_MS = 100;

/** Calls `first` for the first stop signal and `again` for every later one. Returns a function that stops listening. */
export function onStopSignal(first: (signal: Deno.Signal) => void, again: () => void): () => void {
  let firstAtMs: number | undefined;
  const listeners = STOP_SIGNALS.map((signal) => {
    const listener = () => {
      const nowMs = performance.now();
      if (firstAtMs === undefined) {
        firstAtMs = nowMs;
        first(signal);
      } else if (nowMs - firstAtMs > SAME_SIGNAL_MS) again();
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return () => listeners.forEach((remove) => remove());
}
