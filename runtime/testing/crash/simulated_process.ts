import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate } from "node:timers";

/** The points at which the processes of one run die, and the points that the run has passed. */
export class CrashPlan {
  /** Every point of the run, in order, over all its processes. */
  readonly points: string[] = [];
  /** The steps that were pending when the event was settled, each by the index of the point before it. */
  readonly unfinished: number[] = [];
  /** Calls that may have changed the state outside. */
  readonly outside = new Set<string>();

  /**
   * @param at The indexes of the points at which a process dies.
   * @param lost The index of the point before a step that never takes effect: the process dies after the ack.
   * @param sync Methods that are known to be synchronous. The runs of one function share the set.
   */
  constructor(
    readonly at: readonly number[] = [],
    readonly lost: number | undefined = undefined,
    readonly sync: Set<string> = new Set(),
  ) {}
}

/** A pending step with an effect outside the process. */
interface Step {
  readonly parent: Step | undefined;
  /** The index of the point before the step. */
  readonly index: number;
  /** Marks the step as ended, or as never ending. */
  readonly end: () => void;
  hasSteps: boolean;
}

/** Options of a step. */
interface StepOptions<Result> {
  /** Releases a result that the dead process never receives. */
  readonly discard?: (result: Awaited<Result>) => void;
  /** Whether the step may change state that only the author's `world` can show. */
  readonly outside?: "yes" | "no" | "unless-seen-inside";
}

interface Scope {
  readonly process: SimulatedProcess;
  readonly step: Step | undefined;
}

const scopes = new AsyncLocalStorage<Scope>();

/**
 * A simulated process. It dies at a point of the plan: from there on, the promise that the handler awaits never
 * settles, and no step of the handler has an effect.
 */
export class SimulatedProcess {
  dead = false;
  #settled = false;
  /** Resolves when the process dies. */
  readonly died: Promise<void>;
  #die!: () => void;
  readonly #pending = new Map<Step, Promise<void>>();
  /** The number of calls by step name, which distinguishes repeated steps. */
  readonly #calls = new Map<string, number>();

  constructor(readonly plan: CrashPlan) {
    this.died = new Promise((resolve) => this.#die = resolve);
  }

  /** Returns the process that the caller's code belongs to, if any. */
  static current(): SimulatedProcess | undefined {
    return scopes.getStore()?.process;
  }

  /** Runs a callback as part of this process. */
  run<Result>(run: () => Result): Result {
    return scopes.run({ process: this, step: undefined }, run);
  }

  /** Passes a point, and dies there if the plan says so. Returns false if the process is dead. */
  passes(point: string): boolean {
    if (this.dead) return false;
    this.plan.points.push(this.#settled ? `after the settlement: ${point}` : point);
    if (!this.plan.at.includes(this.plan.points.length - 1)) return true;
    this.die();
    return false;
  }

  /** Ends the process at once. */
  die(): void {
    this.dead = true;
    this.#die();
  }

  /** Records that the event is settled. Steps that are still pending may be lost with the process. */
  markSettled(): void {
    this.#settled = true;
    this.plan.unfinished.push(...[...this.#pending.keys()].map(({ index }) => index));
  }

  /** Runs a step with an effect outside the process. A point lies before it and another after it. */
  step<Result>(name: string, run: () => Result, { discard, outside = "no" }: StepOptions<Result> = {}): Result {
    const point = this.#numbered(name), parent = scopes.getStore()?.step, { plan } = this;
    if (parent) parent.hasSteps = true;
    const passed = this.passes(`before ${point}`), index = plan.points.length - 1;
    // A dead process in a synchronous loop would run for ever, so an error stops it.
    if (!passed && plan.sync.has(methodOf(name))) throw new Error("this process is dead");
    if (!passed || plan.lost === index) return stuck(parent) as Result;
    const { promise, resolve: end } = Promise.withResolvers<void>();
    const step: Step = { parent, index, end, hasSteps: false };
    const result = scopes.run({ process: this, step }, run);
    const finish = () => {
      end();
      if (outside === "yes" || (outside === "unless-seen-inside" && !step.hasSteps)) plan.outside.add(name);
    };
    if (!(result instanceof Promise)) {
      plan.sync.add(methodOf(name));
      finish();
      this.passes(`after ${point}`); // a synchronous handler runs on in a dead process, without effect
      return result;
    }
    this.#pending.set(step, promise);
    void promise.then(() => this.#pending.delete(step));
    return result.then((value) => {
      finish();
      if (this.passes(`after ${point}`)) return value;
      discard?.(value);
      return stuck(parent);
    }, (error) => {
      finish();
      if (this.passes(`after ${point} failed`)) throw error;
      return stuck(parent);
    }) as Result;
  }

  /** Resolves when no step is pending any more. Steps that follow from pending steps are waited for too. */
  async quiet(): Promise<void> {
    for (await tick(); this.#pending.size > 0; await tick()) await Promise.all(this.#pending.values());
  }

  #numbered(name: string): string {
    const count = (this.#calls.get(name) ?? 0) + 1;
    this.#calls.set(name, count);
    return count === 1 ? name : `${name} #${count}`;
  }
}

/** Resolves after a tick of the event loop, when every resolved promise has been handled. */
export function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Returns the method of a step's name, without the arguments. */
function methodOf(name: string): string {
  return name.replace(/\(.*$/s, "");
}

/** Returns a promise that never settles, and ends the steps that wait for it. */
function stuck(step: Step | undefined): Promise<never> {
  for (let waiting = step; waiting; waiting = waiting.parent) waiting.end();
  return new Promise(() => {});
}
