import { context } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode, suppressTracing } from "@opentelemetry/core";
import { countDropped, refusalOf, type Signal } from "./dropped_items.ts";

/** Sends batches to a collector and reports the result of each. */
export interface Exporter<Batch> {
  export(batch: Batch, done: (result: ExportResult) => void): void;
  shutdown(): Promise<void>;
}

/** Bytes at which a batch is full: below the 20 MiB that a collector accepts in a request. */
const MAX_BATCH_BYTES = 4_194_304;
/** Bytes that may wait: more than `capacity` usual spans, but bounded for handlers that set long attributes. */
const MAX_WAITING_BYTES = 33_554_432;

interface ExportQueueOptions<Item, Batch> {
  readonly signal: Signal;
  readonly exporter: Exporter<Batch>;
  /** Adds an item to a batch, or to a new one if none is given. */
  readonly add: (item: Item, batch?: Batch) => Batch;
  /** Returns the bytes of a batch so far. Default: unknown, so that only the number of items is bounded. */
  readonly bytesOf?: (batch: Batch) => number;
  /** Items that may wait. Further ones are dropped. */
  readonly capacity: number;
  readonly batchSize: number;
  readonly concurrency: number;
  /** Milliseconds before a batch that is not full is sent. */
  readonly delayMs: number;
  /** Milliseconds before a request is given up and its batch dropped. */
  readonly timeoutMs: number;
}

/** A batch that waits to be sent. */
interface Waiting<Batch> {
  batch: Batch;
  count: number;
  bytes: number;
}

/**
 * A bounded queue of items for the collector. A slow or unreachable collector costs at most `capacity` items, or 32 MB,
 * and never blocks a handler; items that it does not accept are dropped and counted. The SDK's own batch processor does
 * not expose its count of drops, and at shutdown it sends all its batches at once.
 */
export class ExportQueue<Item, Batch> {
  readonly #batches: Waiting<Batch>[] = [];
  #waiting = 0;
  #waitingBytes = 0;
  readonly #senders = new Set<Promise<void>>();
  readonly #aborts = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(readonly options: ExportQueueOptions<Item, Batch>) {}

  push(item: Item): void {
    const { signal, capacity, delayMs } = this.options;
    if (this.#closed) return countDropped(signal, 1, "the process stops");
    if (this.#waiting >= capacity || this.#waitingBytes >= MAX_WAITING_BYTES) {
      return countDropped(signal, 1, "the collector is too slow, and the queue is full");
    }
    try {
      this.#add(item);
    } catch {
      // An untyped handler can set values on its span that cannot be serialized. Only that span is dropped.
      return countDropped(signal, 1, "it has values that cannot be serialized");
    }
    this.#waiting++;
    if (this.#isFull(this.#batches[0])) this.#send(false);
    else if (this.#senders.size === 0) this.#timer ??= unrefTimeout(() => this.#send(false), delayMs);
  }

  /** Adds an item to the last batch, or to a new one if that is full. @throws Any error of `options.add`. */
  #add(item: Item): void {
    const { add, bytesOf } = this.options, last = this.#batches.at(-1);
    if (!last || this.#isFull(last)) this.#batches.push({ batch: add(item), count: 0, bytes: 0 });
    else last.batch = add(item, last.batch);
    const changed = this.#batches.at(-1)!, before = changed.bytes;
    changed.count++;
    changed.bytes = bytesOf?.(changed.batch) ?? 0;
    this.#waitingBytes += changed.bytes - before;
  }

  #isFull({ count, bytes }: Waiting<Batch>): boolean {
    return count >= this.options.batchSize || bytes >= MAX_BATCH_BYTES;
  }

  async flush(): Promise<void> {
    await Promise.all(this.#senders);
    while (!this.#closed && this.#waiting > 0 && this.#senders.size < this.options.concurrency) this.#send(true);
    await Promise.all(this.#senders);
  }

  /** Sends the remaining items for at most `withinMs`, then drops the rest. */
  async shutdown(withinMs: number): Promise<void> {
    const { signal, exporter } = this.options;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, withinMs));
    await Promise.race([this.flush(), timeout]);
    this.#closed = true;
    this.#clearTimer();
    for (const abort of this.#aborts) abort();
    await Promise.all(this.#senders);
    countDropped(signal, this.#waiting, "the process stops, and the collector is too slow");
    this.#waiting = this.#waitingBytes = this.#batches.length = 0;
    await Promise.race([exporter.shutdown().catch(() => {}), timeout]);
    clearTimeout(timer);
  }

  /** Starts a sender, unless `concurrency` are running. @param all sends batches that are not full, too */
  #send(all: boolean): void {
    const { signal, delayMs, concurrency } = this.options;
    if (this.#closed || this.#waiting === 0 || this.#senders.size >= concurrency) return;
    this.#clearTimer();
    const work = async () => {
      do {
        const { batch, count, bytes } = this.#batches.shift()!;
        this.#waiting -= count;
        this.#waitingBytes -= bytes;
        const problem = await this.#export(batch);
        if (problem !== undefined) countDropped(signal, count, problem);
      } while (this.#waiting > 0 && (all || this.#isFull(this.#batches[0])) && !this.#closed);
    };
    const sender = work().then(() => {
      this.#senders.delete(sender);
      if (this.#waiting > 0 && this.#senders.size === 0 && !this.#closed) {
        this.#timer ??= unrefTimeout(() => this.#send(false), delayMs);
      }
    });
    this.#senders.add(sender);
  }

  /** Returns why the collector did not accept the batch; undefined if it did. Never rejects. */
  #export(batch: Batch): Promise<string | undefined> {
    const { exporter, timeoutMs } = this.options;
    return new Promise((resolve) => {
      const timer = unrefTimeout(() => done("the collector does not answer"), timeoutMs);
      const done = (problem?: string) => {
        clearTimeout(timer);
        this.#aborts.delete(abort);
        resolve(problem);
      };
      const abort = () => done("the process stops, and the collector is too slow");
      this.#aborts.add(abort);
      try {
        context.with(suppressTracing(context.active()), () => {
          exporter.export(
            batch,
            ({ code, error }) => done(code === ExportResultCode.SUCCESS ? undefined : refusalOf(error)),
          );
        });
      } catch (error) {
        done(refusalOf(error as Error));
      }
    });
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** A timer that does not keep the process alive. */
function unrefTimeout(callback: () => void, delayMs: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, delayMs);
  Deno.unrefTimer(timer as unknown as number);
  return timer;
}
