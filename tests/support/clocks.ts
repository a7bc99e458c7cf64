import { systemClock } from "../../runtime/engine/system_clock.ts";
import type { Clock } from "../../runtime/engine/clock.ts";

/** A clock that tells when somebody sets a timer: the sign that a try has failed and will be repeated. */
export interface WatchedClock extends Clock {
  /** Resolves once a timer for just so long has been set; at once if one was since the last call. */
  timerSet(delayMs: number): Promise<void>;
}

/** The clock on the wall, watched. */
export function watchedClock(inner: Clock = systemClock): WatchedClock {
  const set: number[] = [];
  const waiting = new Set<() => void>();
  return {
    now: () => inner.now(),
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

/** A clock that runs `factor` times as fast as the system clock, from the same start: below 1 it gives slow machines time. */
export function scaledClock(factor: number): Clock {
  const startMs = Date.now();
  return {
    now: () => startMs + (Date.now() - startMs) * factor,
    random: () => 0.5,
    timer: (delayMs, callback) => systemClock.timer(delayMs / factor, callback),
  };
}

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends WatchedClock {
  /** Moves on, and fires the timers that fall due, in their order. */
  advance(ms: number): void;
  /** Moves on as the clock on the wall does while this thread is blocked: what falls due fires later. */
  block(ms: number): void;
}

/** Starts at the time on the wall, since deliveries carry that. */
export function manualClock(): ManualClock {
  let nowMs = Date.now();
  let timers: { readonly atMs: number; readonly callback: () => void }[] = [];
  const watched = watchedClock({
    now: () => nowMs,
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
