import { context } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode, suppressTracing } from "@opentelemetry/core";
import { countDropped, type Signal } from "./dropped_items.ts";

/** What sends a batch to a collector, and says how that went. */
export interface Exporter<Batch> {
  export(batch: Batch, done: (result: ExportResult) => void): void;
  shutdown(): Promise<void>;
}

/** How much is kept and how it is sent. */
interface ExportQueueOptions<Item, Batch> {
  readonly signal: Signal;
  readonly exporter: Exporter<Batch>;
  /** Puts one more into a batch, or the first into a new one. */
  readonly add: (item: Item, batch?: Batch) => Batch;
  /** As much waits at the most: what comes on top of it is dropped. */
  readonly capacity: number;
  readonly batch: number;
  /** How many requests may be under way. */
  readonly atOnce: number;
  /** How long a batch that is not full waits. */
  readonly delayMs: number;
  readonly timeoutMs: number;
}

/**
 * What waits for the collector: so much and no more, a few requests at a time. A collector that is slow or gone costs
 * memory up to that and never a turn of a handler; what it does not take is dropped, and counted.
 *
 * The SDK's own batch processor keeps its count of drops to itself, and sends at once, at the end, whatever it has.
 */
export class ExportQueue<Item, Batch> {
  readonly #batches: { batch: Batch; count: number }[] = [];
  #waiting = 0;
  readonly #senders = new Set<Promise<void>>();
  readonly #giveUps = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(readonly options: ExportQueueOptions<Item, Batch>) {}

  push(item: Item): void {
    const { signal, capacity, batch, delayMs, add } = this.options;
    if (this.#closed || this.#waiting >= capacity) return countDropped(signal, 1);
    const last = this.#batches.at(-1);
    try {
      if (!last || last.count >= batch) this.#batches.push({ batch: add(item), count: 1 });
      else {
        last.batch = add(item, last.batch);
        last.count++;
      }
    } catch {
      // Not typed, a handler can tell its span what cannot be written. That must not be the end of more than the span.
      return countDropped(signal, 1);
    }
    this.#waiting++;
    if (this.#waiting >= batch) this.#send(false);
    else if (this.#senders.size === 0) this.#timer ??= later(() => this.#send(false), delayMs);
  }

  /** Sends all there is now. */
  async flush(): Promise<void> {
    await Promise.all(this.#senders);
    while (!this.#closed && this.#waiting > 0 && this.#senders.size < this.options.atOnce) this.#send(true);
    await Promise.all(this.#senders);
  }

  /** Sends what is left for so long; what is then still here is dropped. */
  async shutdown(withinMs: number): Promise<void> {
    const { signal, exporter } = this.options;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, withinMs));
    await Promise.race([this.flush(), late]);
    this.#closed = true;
    this.#disarm();
    for (const giveUp of this.#giveUps) giveUp();
    await Promise.all(this.#senders);
    countDropped(signal, this.#waiting);
    this.#waiting = this.#batches.length = 0;
    await Promise.race([exporter.shutdown().catch(() => {}), late]);
    clearTimeout(timer);
  }

  #send(all: boolean): void {
    const { signal, batch: size, delayMs, atOnce } = this.options;
    if (this.#closed || this.#waiting === 0 || this.#senders.size >= atOnce) return;
    this.#disarm();
    const work = async () => {
      do {
        const { batch, count } = this.#batches.shift()!;
        this.#waiting -= count;
        if (!await this.#export(batch)) countDropped(signal, count);
      } while (this.#waiting >= (all ? 1 : size) && !this.#closed);
    };
    const sender = work().then(() => {
      this.#senders.delete(sender);
      if (this.#waiting > 0 && this.#senders.size === 0 && !this.#closed) {
        this.#timer ??= later(() => this.#send(false), delayMs);
      }
    });
    this.#senders.add(sender);
  }

  /** Never rejects. */
  #export(batch: Batch): Promise<boolean> {
    const { exporter, timeoutMs } = this.options;
    return new Promise((resolve) => {
      const timer = later(() => done(false), timeoutMs);
      const done = (ok: boolean) => {
        clearTimeout(timer);
        this.#giveUps.delete(giveUp);
        resolve(ok);
      };
      const giveUp = () => done(false);
      this.#giveUps.add(giveUp);
      try {
        context.with(suppressTracing(context.active()), () => {
          exporter.export(batch, ({ code }) => done(code === ExportResultCode.SUCCESS));
        });
      } catch {
        done(false);
      }
    });
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** A timer that keeps no process from its end. */
function later(callback: () => void, delayMs: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, delayMs);
  Deno.unrefTimer(timer as unknown as number);
  return timer;
}
