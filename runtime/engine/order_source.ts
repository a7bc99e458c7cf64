/** State of the consumers of a function at one moment. */
export interface OrderFacts {
  /** Number of messages that are delivered and not settled, by the stream of the consumer. */
  readonly unsettled: Readonly<Record<string, number>>;
  /** Position of the last delivery among all that the consumer of the triggers made. */
  readonly position: number;
}

/** The side of a function with `order` that its consumers call. */
export interface OrderSink {
  /**
   * Called when a delivery may have gone to another process, or is lost.
   *
   * @param keepsRunning True if what runs here is still leased to this process.
   */
  reset(keepsRunning: boolean): void;
  /** Returns how many deliveries the function takes now. */
  room(): number;
  /** Whether another process should receive the events, since this one may handle none for a reason of its own. */
  readonly leavesEvents: boolean;
}

/** The consumers of a function with `order`: which process they deliver to, and what they have delivered elsewhere. */
export interface OrderSource {
  connect(sink: OrderSink): void;
  /** Resolves to what the consumers have delivered; undefined if it is not known. */
  look(): Promise<OrderFacts | undefined>;
  /** Returns whether every delivery after that look came to this process. From then on a gap resets the sink. */
  follows(facts: OrderFacts): boolean;
  /** Returns whether the stream is the one of the function's triggers, whose consumer delivers to one process. */
  isMain(stream: string): boolean;
  /** Resolves to whether no other process has received events of the triggers since this one last knew all. */
  owns(): Promise<boolean>;
  /** Resolves to whether no other process has received events of the triggers since the last delivery to this one. */
  isLast(): Promise<boolean>;
  /**
   * Resolves to what has been delivered, if nothing waits or is unsettled and no other process receives the events: then
   * none is on its way to any process. Resolves to undefined otherwise.
   */
  idleAt(): Promise<string | undefined>;
  /** Lets another process receive the events, and takes none for a time. */
  stepDown(forMs: number): void;
  /** Whether this process receives the events. */
  readonly isHolder: boolean;
}
