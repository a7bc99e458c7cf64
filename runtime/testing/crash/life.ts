import { AsyncLocalStorage } from "node:async_hooks";

/** Where processes die, and which points they have come by: over all the lives of one trial. */
export class CrashPlan {
  /** Each point that was passed or died at, in order. */
  readonly points: string[] = [];

  /** @param at the places, among all points that are come by, at which the process dies */
  constructor(readonly at: readonly number[] = []) {}
}

/** Something under way that can be seen from outside. */
interface Step {
  readonly above: Step | undefined;
  /** It has ended, or never will, since what it waits for never comes. */
  readonly over: () => void;
}

interface Place {
  readonly life: Life;
  readonly step: Step | undefined;
}

const places = new AsyncLocalStorage<Place>();

/**
 * One life of a process. It dies at a point of the plan: what is awaited there never comes back, and nothing that is
 * begun afterwards has any effect. Whatever its handler would have done next, nobody sees it.
 */
export class Life {
  dead = false;
  /** Resolves when it dies. */
  readonly died: Promise<void>;
  #die!: () => void;
  readonly #underWay = new Set<Promise<void>>();
  /** How often each step was taken, to tell one from the next. */
  readonly #taken = new Map<string, number>();

  constructor(readonly plan: CrashPlan) {
    this.died = new Promise((resolve) => this.#die = resolve);
  }

  /** The life that the caller is part of, if any. */
  static current(): Life | undefined {
    return places.getStore()?.life;
  }

  /** Runs something as part of this life. */
  run<Result>(run: () => Result): Result {
    return places.run({ life: this, step: undefined }, run);
  }

  /** Comes by a point: false when the process is dead. */
  passes(point: string): boolean {
    if (this.dead) return false;
    this.plan.points.push(point);
    if (!this.plan.at.includes(this.plan.points.length - 1)) return true;
    this.dead = true;
    this.#die();
    return false;
  }

  /**
   * Takes a step that can be seen from outside, with a point before it and one after.
   *
   * @param discard lets go of a result that nobody will ever look at
   */
  step<Result>(what: string, run: () => Result, discard: (result: Awaited<Result>) => void = () => {}): Result {
    const name = this.#numbered(what), above = places.getStore()?.step;
    if (!this.passes(`before ${name}`)) return stuck(above) as Result;
    const { promise, resolve: over } = Promise.withResolvers<void>();
    const result = places.run({ life: this, step: { above, over } }, run);
    if (!(result instanceof Promise)) {
      this.passes(`after ${name}`); // one that did not wait goes on, but as a dead man: nothing it does is seen
      return result;
    }
    this.#underWay.add(promise);
    void promise.then(() => this.#underWay.delete(promise));
    return result.then((value) => {
      over();
      if (this.passes(`after ${name}`)) return value;
      discard(value);
      return stuck(above);
    }, (error) => {
      over();
      if (this.passes(`after ${name} failed`)) throw error;
      return stuck(above);
    }) as Result;
  }

  /** Resolves when whatever was under way at the death has reached the other side: only then is the world at rest. */
  async quiet(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #numbered(what: string): string {
    const times = (this.#taken.get(what) ?? 0) + 1;
    this.#taken.set(what, times);
    return times === 1 ? what : `${what} #${times}`;
  }
}

/** Never comes back, and neither does what waits for it. */
function stuck(step: Step | undefined): Promise<never> {
  for (let waiting = step; waiting; waiting = waiting.above) waiting.over();
  return new Promise(() => {});
}
