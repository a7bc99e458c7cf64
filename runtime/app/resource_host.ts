import { RESOURCE_DEFAULTS, type ResourceDefinition } from "../api/define_resource.ts";
import { type ProvidedValues, provideValues } from "../api/provided_values.ts";
import { parseDuration } from "../core/duration.ts";
import type { Clock } from "../engine/clock.ts";
import { ResourceGate } from "../engine/resource_gate.ts";
import type { Registry } from "../project/registry.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { ResolvedResource } from "../project/resolve_resources.ts";
import { StartupProblems } from "../project/startup_problems.ts";
import type { Logger } from "../telemetry/otel/logs/logger.ts";
import { checkResource, closeResource, openResource } from "./open_resource.ts";
import type { Service } from "./service.ts";

interface ResourceHostOptions {
  readonly registry: Registry;
  /** Functions that the process runs: only their resources are opened. */
  readonly functions: readonly ResolvedFunction[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Values of a test, which are neither opened, checked nor closed. Default: none. */
  readonly fakes?: ReadonlyMap<ResourceDefinition, unknown>;
  /** Aborts when the process stops while resources are being opened. Default: never. */
  readonly signal?: AbortSignal;
}

/** The resources of the functions that a process runs, from their opening to their closing. */
export class ResourceHost implements Service, ProvidedValues {
  readonly #resources: readonly ResolvedResource[];
  readonly #values = new Map<object, { readonly value: unknown }>();
  readonly #gates = new Map<object, ResourceGate>();
  #withdraw: () => void = () => {};

  constructor(readonly options: ResourceHostOptions) {
    const names = new Set(options.functions.map(({ name }) => name));
    this.#resources = options.registry.resources.filter(({ functions }) => functions.some((name) => names.has(name)));
    for (const [definition, value] of options.fakes ?? []) this.#values.set(definition, { value });
  }

  /** Returns the checks for `/health` of those resources that have one. */
  get checks(): Registry["healthChecks"] {
    const timeoutMs = parseDuration(RESOURCE_DEFAULTS.check)!;
    return this.#real.filter(({ definition }) => definition.check).map(({ name, definition, functions }) => ({
      name,
      timeoutMs,
      functions,
      check: () => this.#check(definition),
    }));
  }

  find(definition: object): { readonly value: unknown } | undefined {
    return this.#values.get(definition);
  }

  /** Returns the gates of the resources that a function needs and that have a check. */
  gatesOf({ needs = [] }: ResolvedFunction): ResourceGate[] {
    return needs.flatMap((definition) => this.#gates.get(definition) ?? []);
  }

  /**
   * Opens all resources at once.
   *
   * @throws {StartupProblems} naming each that could not be opened
   */
  async start(): Promise<void> {
    if (this.#resources.length === 0 && this.#values.size === 0) return;
    this.#withdraw = provideValues(this);
    const { clock, signal, log } = this.options, { redact = (text: string) => text } = log.options;
    const opened = await Promise.allSettled(this.#real.map(async ({ name, file, definition, timeoutMs }) => {
      try {
        this.#values.set(definition, { value: await openResource(definition, clock, timeoutMs, signal) });
        log.debug("resource opened", { resource: name });
      } catch (error) {
        throw `${file}: resource ${name} could not be opened: ${redact((error as Error).message)}`;
      }
    }));
    const problems = opened.flatMap((result) => result.status === "rejected" ? [String(result.reason)] : []);
    if (problems.length > 0) throw new StartupProblems(problems, true);
    this.#watchNeeded();
  }

  /** Closes all resources at once. A resource that cannot be closed is logged. */
  async stop(): Promise<void> {
    for (const gate of this.#gates.values()) gate.stop();
    this.#withdraw();
    const { clock, log } = this.options;
    await Promise.all(this.#real.map(async ({ name, definition }) => {
      const opened = this.#values.get(definition);
      this.#values.delete(definition);
      if (!opened) return;
      try {
        await closeResource(definition, opened.value, clock);
        log.debug("resource closed", { resource: name });
      } catch (error) {
        log.warn("a resource could not be closed", { resource: name, error });
      }
    }));
  }

  /** Resources that are opened, checked and closed. */
  get #real(): readonly ResolvedResource[] {
    return this.#resources.filter(({ definition }) => !this.options.fakes?.has(definition));
  }

  async #check(definition: ResourceDefinition): Promise<void> {
    const opened = this.#values.get(definition);
    if (opened) await checkResource(definition, opened.value, this.options.clock);
  }

  #watchNeeded(): void {
    const { clock, functions, log } = this.options;
    for (const { name, definition } of this.#real.filter(({ definition }) => definition.check)) {
      const waiting = functions.filter(({ needs = [] }) => needs.includes(definition)).map(({ name }) => name);
      if (waiting.length === 0) continue;
      const check = () => this.#check(definition).then(() => undefined, (error: Error) => error.message);
      const changed = (problem: string | undefined) =>
        problem === undefined
          ? log.info("the check of a resource passes again: its functions pull", { resource: name, functions: waiting })
          : log.warn("the check of a resource fails: the functions that need it do not pull until it passes", {
            resource: name,
            functions: waiting,
            reason: problem,
          });
      const gate = new ResourceGate({ name, check }, clock, changed);
      this.#gates.set(definition, gate);
      gate.start();
    }
  }
}
