import type { AdmissionRule } from "./admission.ts";
import type { Clock } from "./clock.ts";
import { type HandlerMiddleware, resultOfThrown } from "./handler_runner.ts";
import { ResourceUnavailableError } from "./service_calls.ts";

/** Milliseconds between the end of a check and the next one. */
const CHECK_INTERVAL_MS = 2_000;

/** Resource that a gate checks. */
interface CheckedResource {
  readonly name: string;
  /** Resolves to the reason why the resource cannot be used, or undefined. Never rejects. */
  check(): Promise<string | undefined>;
}

/**
 * Keeps functions from pulling while the check of a resource that they need fails. The check runs every two seconds,
 * and at once when an attempt of these functions has failed. While it fails, events that were pulled before use up no
 * attempt.
 */
export class ResourceGate implements AdmissionRule {
  /** Another host may reach the resource. */
  readonly isOfProcess = true;
  #problem: string | undefined;
  #checking: Promise<void> | undefined;
  /** The check after the current one. It decides about handlers that failed while the current check was running. */
  #next: Promise<void> | undefined;
  #stopped = false;
  #cancel: () => void = () => {};
  readonly #listeners: (() => void)[] = [];

  /** @param changed Called with the problem when the check begins to fail, and with undefined when it passes again. */
  constructor(
    readonly resource: CheckedResource,
    readonly clock: Clock,
    readonly changed: (problem: string | undefined) => void,
  ) {}

  permits(): number {
    return this.#problem === undefined ? Infinity : 0;
  }

  admitsAgainAtMs(): undefined {
    return undefined;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  start(): void {
    this.#cancel = this.clock.timer(CHECK_INTERVAL_MS, () => void this.#check());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** Middleware that lets no handler run while the check fails, and checks once a handler has failed. */
  readonly middleware: HandlerMiddleware = (attempt, next) => {
    if (this.#problem !== undefined) throw this.#unavailable(this.#problem);
    let result: unknown;
    try {
      result = next(attempt);
    } catch (error) {
      return this.#explain(error);
    }
    return result instanceof Promise ? result.catch((error) => this.#explain(error)) : result;
  };

  /** Throws the error of a handler again. If the check fails, throws a `ResourceUnavailableError` instead. */
  async #explain(error: unknown): Promise<never> {
    // Every other kind names its cause already: the author's decision, a breaker, a service or another resource.
    if (resultOfThrown(error).kind !== "failed") throw error;
    await (this.#next ??= this.#checkAfter(this.#checking));
    throw this.#problem === undefined ? error : this.#unavailable(this.#problem, error);
  }

  #unavailable(problem: string, cause?: unknown): ResourceUnavailableError {
    return new ResourceUnavailableError(`the check of resource ${this.resource.name} fails: ${problem}`, { cause });
  }

  async #checkAfter(running: Promise<void> | undefined): Promise<void> {
    await running;
    this.#next = undefined;
    await this.#check();
  }

  #check(): Promise<void> {
    return this.#checking ??= this.#checkOnce().finally(() => this.#checking = undefined);
  }

  async #checkOnce(): Promise<void> {
    this.#cancel();
    const problem = await this.resource.check(), before = this.#problem;
    if (this.#stopped) return;
    this.#problem = problem;
    this.start();
    if ((before === undefined) === (problem === undefined)) return;
    this.changed(problem);
    for (const listener of this.#listeners) listener();
  }
}
