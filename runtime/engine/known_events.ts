import type { Delivery } from "../core/delivery.ts";

/** The key of an event, as far as a process can tell. */
export interface TurnKey {
  /** Undefined for an event that waits for no other. */
  readonly key: string | undefined;
  /** True if only a process of another release knows the key: the event holds up every later event. */
  readonly holdsAll: boolean;
  /** Error of the function that returns the key. */
  readonly error?: unknown;
}

/** The place of one stored message in the order of its key. */
export interface Turn extends TurnKey {
  /** Stream of the consumer that delivered it. Two streams have no order between them. */
  readonly stream: string;
  readonly sequence: number;
  /** `away`: it was given back, and its consumer delivers it again. */
  state: "here" | "running" | "away";
  /** Time of its next attempt, by the monotonic clock. */
  dueMs: number;
  /** Time at which its consumer delivers it again if it is away, by the monotonic clock. */
  backMs: number;
  /** Number of the subscription by which it arrived last: see `OrderInbox`. */
  inbox: number;
}

type KnownDelivery = Pick<Delivery, "messageKey" | "deadLetterSequence">;

/**
 * The messages that were delivered to this process and are not settled, with their keys. It holds no payload, and
 * `max_ack_pending` of the consumers bounds their number.
 */
export class KnownEvents {
  /** By message key. */
  readonly #turns = new Map<string, Turn>();
  readonly #messageKeys = new Map<Turn, string>();
  /** Turns of each key and stream, by their sequence. */
  readonly #queues = new Map<string, Map<string, Turn[]>>();
  readonly #holdingAll = new Set<Turn>();
  readonly #redriven = new Set<Turn>();

  /** Number of events that were dead letters, and were sent back. */
  get redriven(): number {
    return this.#redriven.size;
  }

  get size(): number {
    return this.#turns.size;
  }

  /** Adds a delivered message, unless it is known. @param keyOf Returns the key of a message that is not known. */
  add({ messageKey, deadLetterSequence }: KnownDelivery, keyOf: (stream: string) => TurnKey): Turn {
    const known = this.#turns.get(messageKey);
    if (known) {
      if (known.state === "away") known.state = "here";
      return known;
    }
    const [stream, sequence] = messageKey.split(".");
    const times = { dueMs: -Infinity, backMs: -Infinity };
    const turn: Turn = { stream, sequence: Number(sequence), ...keyOf(stream), state: "here", ...times, inbox: 0 };
    this.#turns.set(messageKey, turn);
    this.#messageKeys.set(turn, messageKey);
    if (turn.holdsAll) this.#holdingAll.add(turn);
    if (deadLetterSequence !== undefined) this.#redriven.add(turn);
    if (turn.key !== undefined) {
      const streams = this.#queues.getOrInsertComputed(turn.key, () => new Map());
      insert(streams.getOrInsertComputed(stream, () => []), turn);
    }
    return turn;
  }

  has(turn: Turn): boolean {
    return this.#messageKeys.has(turn);
  }

  delete(turn: Turn): void {
    const messageKey = this.#messageKeys.get(turn);
    if (messageKey === undefined) return;
    this.#messageKeys.delete(turn);
    this.#turns.delete(messageKey);
    this.#holdingAll.delete(turn);
    this.#redriven.delete(turn);
    if (turn.key === undefined) return;
    const streams = this.#queues.get(turn.key)!, queue = streams.get(turn.stream)!;
    queue.splice(queue.indexOf(turn), 1);
    if (queue.length === 0) streams.delete(turn.stream);
    if (streams.size === 0) this.#queues.delete(turn.key);
  }

  /** Forgets every message but those that run, if they are kept. */
  clear(keepsRunning: boolean): void {
    for (const turn of this.all()) if (!keepsRunning || turn.state !== "running") this.delete(turn);
  }

  all(): Turn[] {
    return [...this.#messageKeys.keys()];
  }

  /** Returns the first known events of a key: one of each stream. */
  firstsOf(key: string): Turn[] {
    return [...this.#queues.get(key)?.values() ?? []].map(([first]) => first);
  }

  /** Returns the first known event of a turn's key and stream. */
  firstOf({ key, stream }: Turn): Turn | undefined {
    return this.#queues.get(key!)?.get(stream)?.[0];
  }

  /** Returns whether a later event of its key and stream is known. */
  isAwaited({ key, stream }: Turn): boolean {
    return (this.#queues.get(key!)?.get(stream)?.length ?? 0) > 1;
  }

  /** Returns whether no earlier event of its stream holds it up: none of its key, and none whose key is not known. */
  isFirst(turn: Turn): boolean {
    if (this.firstOf(turn) !== turn) return false;
    for (const { stream, sequence } of this.#holdingAll) {
      if (stream === turn.stream && sequence < turn.sequence) return false;
    }
    return true;
  }

  /** Returns whether an event that holds others up was to be delivered again before a time. */
  isOverdue(beforeMs: number): boolean {
    const isLate = ({ state, backMs }: Turn) => state === "away" && backMs < beforeMs;
    for (const streams of this.#queues.values()) {
      for (const [first, next] of streams.values()) if (next && isLate(first)) return true;
    }
    for (const turn of this.#holdingAll) if (this.size > 1 && isLate(turn)) return true;
    return false;
  }

  /** Number of keys whose first event waits for its next attempt while later events of the key are known. */
  blockedKeys(nowMs: number): number {
    let count = 0;
    for (const streams of this.#queues.values()) {
      for (const [first, next] of streams.values()) if (next && first.dueMs > nowMs) count++;
    }
    return count;
  }
}

/** Inserts a turn by its sequence. Nearly always it is the last. */
function insert(queue: Turn[], turn: Turn): void {
  let at = queue.length;
  while (at > 0 && queue[at - 1].sequence > turn.sequence) at--;
  queue.splice(at, 0, turn);
}
