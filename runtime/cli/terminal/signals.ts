/** Signals that ask a process to stop: Ctrl-C, and what supervisors and Kubernetes send. */
const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/**
 * One Ctrl-C may come twice: from the terminal, which tells every process of its group, and from `deno task`, which
 * hands on what it was told. Within this time it is one signal.
 */
const SAME_SIGNAL_MS = 100;

/** Calls `first` for the first such signal, and `again` for every one after it. Returns what ends that. */
export function onStopSignal(first: (signal: Deno.Signal) => void, again: () => void): () => void {
  let askedAt: number | undefined;
  const listeners = STOP_SIGNALS.map((signal) => {
    const listener = () => {
      const now = performance.now();
      if (askedAt === undefined) {
        askedAt = now;
        first(signal);
      } else if (now - askedAt > SAME_SIGNAL_MS) again();
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return () => listeners.forEach((remove) => remove());
}
