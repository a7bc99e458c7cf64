import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate } from "node:timers";

/** Where processes die, and which points they have come by: over all the lives of one trial. */
export class CrashPlan {
  /** Each point that was passed or died at, in order. */
  readonly points: string[] = [];
  /** What was still under way when the event was settled, each by the place of the point before it. */
  readonly unfinished: number[] = [];
  /** What was called that may have changed something outside. */
  readonly outside = new Set<string>();

  /**
   * @param at the places, among all points that are come by, at which the process dies
   * @param lost the place of a point whose step never takes effect, since its process dies before that with the ack
   * @param sync methods that are known not to return promises: runs of one function share it
   */
  constructor(
    readonly at: readonly number[] = [],
    readonly lost: number | undefined = undefined,
    readonly sync: Set<string> = new Set(),
  ) {}
}

/** Something under way that can be seen from outside. */
interface Step {
  readonly above: Step | undefined;
  /** The place of the point before it. */
  readonly place: number;
  /** It has ended, or never will, since what it waits for never comes. */
  readonly over: () => void;
  /** Whether it has steps of its own. */
  seenInside: boolean;
}

/** What is said of a step besides. */
interface StepOptions<Result> {
  /** Lets go of a result that nobody will ever look at. */
  readonly discard?: (result: Awaited<Result>) => void;
  /** Whether it may change something outside that only the author can look at. */
  readonly outside?: "yes" | "no" | "unless-seen-inside";
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
  #settled = false;
  /** Resolves when it dies. */
  readonly died: Promise<void>;
  #die!: () => void;
  readonly #underWay = new Map<Step, Promise<void>>();
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
    this.plan.points.push(this.#settled ? `after it was settled: ${point}` : point);
    if (!this.plan.at.includes(this.plan.points.length - 1)) return true;
    this.die();
    return false;
  }

  /** Ends it, wherever it is. */
  die(): void {
    this.dead = true;
    this.#die();
  }

  /** The event is settled: what is still under way had better not matter. */
  settled(): void {
    this.#settled = true;
    this.plan.unfinished.push(...[...this.#underWay.keys()].map(({ place }) => place));
  }

  /** Takes a step that can be seen from outside, with a point before it and one after. */
  step<Result>(what: string, run: () => Result, { discard, outside = "no" }: StepOptions<Result> = {}): Result {
    const name = this.#numbered(what), above = places.getStore()?.step, { plan } = this;
    if (above) above.seenInside = true;
    const passed = this.passes(`before ${name}`), place = plan.points.length - 1;
    if (!passed && plan.sync.has(methodOf(what))) throw new Error("this process is dead");
    if (!passed || plan.lost === place) return stuck(above) as Result;
    const { promise, resolve: over } = Promise.withResolvers<void>();
    const step: Step = { above, place, over, seenInside: false };
    const result = places.run({ life: this, step }, run);
    const ended = () => {
      over();
      if (outside === "yes" || (outside === "unless-seen-inside" && !step.seenInside)) plan.outside.add(what);
    };
    if (!(result instanceof Promise)) {
      plan.sync.add(methodOf(what));
      ended();
      this.passes(`after ${name}`); // one that did not wait goes on, but as a dead man: nothing it does is seen
      return result;
    }
    this.#underWay.set(step, promise);
    void promise.then(() => this.#underWay.delete(step));
    return result.then((value) => {
      ended();
      if (this.passes(`after ${name}`)) return value;
      discard?.(value);
      return stuck(above);
    }, (error) => {
      ended();
      if (this.passes(`after ${name} failed`)) throw error;
      return stuck(above);
    }) as Result;
  }

  /** Resolves when whatever is under way has reached the other side, and what that led to: the world is at rest. */
  async quiet(): Promise<void> {
    for (await turn(); this.#underWay.size > 0; await turn()) await Promise.all(this.#underWay.values());
  }

  #numbered(what: string): string {
    const times = (this.#taken.get(what) ?? 0) + 1;
    this.#taken.set(what, times);
    return times === 1 ? what : `${what} #${times}`;
  }
}

/** Everything that waits for nothing but promises has gone on by then. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What is called, whatever with. A dead man who waits for nothing is stopped by an error: he might go on for ever. */
function methodOf(what: string): string {
  return what.replace(/\(.*$/s, "");
}

/** Never comes back, and neither does what waits for it. */
function stuck(step: Step | undefined): Promise<never> {
  for (let waiting = step; waiting; waiting = waiting.above) waiting.over();
  return new Promise(() => {});
}
