import { pause } from "../pause.ts";
import type { Deployment } from "./deployment.ts";

const TICK_MS = 10;

/** Posts events at a fixed rate to a service. A request that fails is counted, and not repeated. */
export class IngressLoad {
  /** Numbers of the events that were accepted. */
  readonly accepted: number[] = [];
  /** The answers to the other requests, with the number of each event. */
  readonly errors: string[] = [];
  #sent = 0;

  constructor(readonly service: Pick<Deployment, "request">, readonly perSecond: number) {}

  /** Posts until `steps` has ended, and at least `events`. Resolves once every request is answered. */
  async during(steps: Promise<void>, events: number): Promise<void> {
    const open: Promise<void>[] = [], startedAtMs = performance.now();
    let ended = false;
    const end = steps.finally(() => ended = true);
    while (!ended || this.#sent < events) {
      const due = Math.ceil((performance.now() - startedAtMs) * this.perSecond / 1_000);
      while (this.#sent < due) open.push(this.#post(this.#sent++));
      await pause(TICK_MS);
    }
    await Promise.all(open);
    await end;
  }

  async #post(n: number): Promise<void> {
    try {
      const headers = { "content-type": "application/json" };
      const response = await this.service.request("/parcels", { method: "POST", headers, body: JSON.stringify({ n }) });
      const text = await response.text();
      if (response.status === 202) this.accepted.push(n);
      else this.errors.push(`${n}: ${response.status} ${text}`);
    } catch (error) {
      this.errors.push(`${n}: ${error}`);
    }
  }
}
