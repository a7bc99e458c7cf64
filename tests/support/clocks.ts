import { systemClock } from "../../runtime/engine/system_clock.ts";
import type { ServerClock } from "../../runtime/engine/clock.ts";

/** A clock that reports new timers. A timer means that a try failed and will be repeated. */
export interface WatchedClock extends ServerClock {
  /** Resolves once a timer with exactly this delay is set, or was set since the last call. */
  timerSet(delayMs: number): Promise<void>;
}

/** Wraps a clock, so that it reports its timers. */
export function watchedClock(inner: ServerClock = systemClock): WatchedClock {
  const set: number[] = [];
  const waiting = new Set<() => void>();
  return {
    now: () => inner.now(),
    serverNow: () => inner.serverNow(),
    random: () => inner.random(),
    timer: (delayMs, callback) => {
      set.push(delayMs);
      for (const look of [...waiting]) look();
      return inner.timer(delayMs, callback);
    },
    timerSet: (delayMs) =>
      new Promise((resolve) => {
        const look = () => {
          const at = set.indexOf(delayMs);
          if (at === -1) return;
          set.splice(0, at + 1);
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

/** A clock that runs `factor` times as fast as the system clock. A factor below 1 gives slow machines more time. */
export function scaledClock(factor: number): ServerClock {
  const startMs = Date.now(), now = () => startMs + (Date.now() - startMs) * factor;
  return {
    now,
    serverNow: now,
    random: () => 0.5,
    timer: (delayMs, callback) => systemClock.timer(delayMs / factor, callback),
  };
}

/** A clock that only `advance` and `block` move. */
export interface ManualClock extends WatchedClock {
  /** Moves the time forward, and fires due timers in order. */
  advance(ms: number): void;
  /** Moves the time forward as while the thread is blocked: due timers fire later. */
  block(ms: number): void;
}

/** Creates a manual clock that starts at the current time, which deliveries carry. */
export function manualClock(): ManualClock {
  let nowMs = Date.now();
  let timers: { readonly atMs: number; readonly callback: () => void }[] = [];
  const watched = watchedClock({
    now: () => nowMs,
    serverNow: () => nowMs,
    random: () => 0.5,
    timer: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.push(timer);
      return () => void (timers = timers.filter((other) => other !== timer));
    },
  });
  return {
    ...watched,
    block: (ms) => void (nowMs += ms),
    advance: (ms) => {
      const untilMs = nowMs + ms;
      while (true) {
        const due = timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (!due) break;
        timers = timers.filter((other) => other !== due);
        nowMs = Math.max(nowMs, due.atMs);
        due.callback();
      }
      nowMs = untilMs;
    },
  };
}
