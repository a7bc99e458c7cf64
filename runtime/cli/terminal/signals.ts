import { EXIT_CODES } from "./exit_codes.ts";

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

/** Number of callers of {@linkcode onStopSignal} that listen. */
let listening = 0;

/**
 * Exits at a stop signal while nothing listens by {@linkcode onStopSignal}. That is Deno's default, which is gone once a
 * module of the project listens to a signal.
 */
export function exitOnStopSignal(): void {
  for (const signal of STOP_SIGNALS) {
    Deno.addSignalListener(signal, () => listening === 0 && Deno.exit(EXIT_CODES.interrupted));
  }
}

/** Calls `first` for the first stop signal and `again` for every later one. Returns a function that stops listening. */
export function onStopSignal(first: (signal: Deno.Signal) => void, again: () => void): () => void {
  let firstAtMs: number | undefined;
  listening++;
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
  return () => {
    listening--;
    listeners.forEach((remove) => remove());
  };
}
