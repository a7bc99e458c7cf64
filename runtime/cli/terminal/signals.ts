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
 * Exits at a stop signal while nothing listens by {@linkcode onStopSignal}. That is Deno's default, which is gone once
 * a module of the project listens to a signal.
 */
export function exitOnStopSignal(): void {
  for (const signal of STOP_SIGNALS) {
    Deno.addSignalListener(signal, () => listening === 0 && Deno.exit(EXIT_CODES.interrupted));
  }
}

/**
 * Listens as {@linkcode onStopSignal} does, except that without a terminal each SIGHUP calls `reload`: no terminal can
 * have closed, and service managers ask so for settings to be read again.
 *
 * @param reload Default: SIGHUP is a stop signal in any case.
 */
export function onServiceSignal(first: (signal: Deno.Signal) => void, again: () => void, reload?: () => void): void {
  const hasTerminal = [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
  if (!reload || hasTerminal || Deno.build.os === "windows") return void onStopSignal(first, again);
  onStopSignal(first, again, STOP_SIGNALS.filter((signal) => signal !== "SIGHUP"));
  Deno.addSignalListener("SIGHUP", reload);
}

/**
 * Calls `first` for the first stop signal and `again` for every later one. Returns a function that stops listening.
 *
 * @param signals The signals to listen to. Default: all that ask a process to stop.
 */
export function onStopSignal(
  first: (signal: Deno.Signal) => void,
  again: () => void,
  signals: readonly Deno.Signal[] = STOP_SIGNALS,
): () => void {
  let firstAtMs: number | undefined;
  listening++;
  const listeners = signals.map((signal) => {
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
