import { covers } from "./subjects.ts";

/**
 * Greatest length of a namespace, in characters. The names of streams and consumers begin with it, and each ack subject
 * contains both names.
 */
const MAX_LENGTH = 32;

/** Returns the rule that a name breaks as a namespace; undefined for a correct name. */
export function namespaceProblem(name: string): string | undefined {
  // JetStream's clients take a stream with such a prefix for a bucket.
  if (/^(KV|OBJ)(_|$)/.test(name)) return "not KV or OBJ, with which the streams of buckets and object stores begin";
  if (/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name) && name.length <= MAX_LENGTH) return undefined;
  return `up to ${MAX_LENGTH} letters, digits, - and _, the first a letter or a digit`;
}

/** End of the name of a partition's consumer. The name of a function has no such character. */
const PARTITION = /@(\d+)$/;

/** Returns the partition that a durable consumer is of; undefined for one of a whole function. */
export function partitionIn(consumer: string): number | undefined {
  const [, partition] = PARTITION.exec(consumer) ?? [];
  return partition === undefined ? undefined : Number(partition);
}

/** Streams that Weir does not own, and what the project receives from them or publishes into them. */
interface Foreign {
  readonly streams: ReadonlySet<string>;
  /** Event types and patterns. */
  readonly subjects: ReadonlySet<string>;
}

const NOTHING: Foreign = { streams: new Set(), subjects: new Set() };

/**
 * The names that a project has in NATS. With a namespace, the name of every stream, consumer and bucket begins with
 * `NAMESPACE_`, and every subject with `NAMESPACE.`. Thus several projects or environments can share an account. Event
 * types and function names stay as they are declared: only the NATS layer translates them.
 */
export class Namespace {
  /** Prefix of subjects: empty without a namespace. */
  readonly #subjects: string;
  /** Prefix of streams, consumers and buckets: empty without a namespace. */
  readonly #names: string;
  /** The stream of retries, and the beginnings of its subjects. */
  readonly retries: {
    readonly stream: string;
    readonly subjects: readonly string[];
    readonly delayed: string;
    readonly due: string;
    readonly redriven: string;
    /** Prefix of delayed retries of this release and of earlier ones, which wrote `parked` instead of `delayed`. */
    readonly anyDelayed: string;
    /** Prefix of events that a function has emitted with a delay. */
    readonly events: string;
    /** Prefix of retries, redriven and replayed events on their way to a partition of their function. */
    readonly partition: string;
  };
  /** The stream of dead letters, and the beginning of its subjects. */
  readonly deadLetters: { readonly stream: string; readonly prefix: string; readonly subjects: readonly string[] };
  /** The stream of events on their way to the partitions of functions with `order`, and the beginning of its subjects. */
  readonly partitions: { readonly stream: string; readonly prefix: string; readonly subjects: readonly string[] };
  /** Subject of the requests of `events tail`. No stream of a project may store it. */
  readonly tail: string;
  /** Subject of the notices that a shared breaker has changed. No stream of a project may store it. */
  readonly breakers: string;
  /** Prefix of the subjects on which the processes of a function with partitions announce themselves to each other. */
  readonly members: string;
  /** Subject on which a starting process announces itself to `events tail`: an inbox, which both may use. */
  readonly tailAnnounce: string;

  /**
   * @param name The namespace. Default: none.
   * @param project The name of the project, for the mark on what it makes. Default: the namespace.
   * @param foreign Streams that Weir does not own, and the types and patterns in them: they keep their names.
   */
  constructor(
    readonly name?: string,
    readonly project: string | undefined = name,
    readonly foreign: Foreign = NOTHING,
  ) {
    this.#subjects = name === undefined ? "" : `${name}.`;
    this.#names = name === undefined ? "" : `${name}_`;
    const retries = this.subject("retries"), deadLetters = this.subject("dead_letters");
    this.retries = {
      stream: this.stream("RETRIES"),
      subjects: [`${retries}.>`],
      delayed: `${retries}.delayed`,
      due: `${retries}.due`,
      redriven: `${retries}.redriven`,
      anyDelayed: `${retries}.*`,
      events: `${retries}.events`,
      partition: `${retries}.partition`,
    };
    this.deadLetters = {
      stream: this.stream("DEAD_LETTERS"),
      prefix: deadLetters,
      subjects: [`${deadLetters}.>`],
    };
    const partitions = this.subject("order_partitions");
    this.partitions = {
      stream: this.stream("ORDER_PARTITIONS"),
      prefix: partitions,
      subjects: [`${partitions}.>`],
    };
    this.tail = name === undefined ? "$WEIR.tail" : `$WEIR.${name}.tail`;
    this.breakers = name === undefined ? "$WEIR.breakers" : `$WEIR.${name}.breakers`;
    this.members = name === undefined ? "$WEIR.members" : `$WEIR.${name}.members`;
    this.tailAnnounce = name === undefined ? "_INBOX.weir.tails" : `_INBOX.weir.${name}.tails`;
  }

  /** Returns the name of a stream in NATS. */
  stream(name: string): string {
    return this.foreign.streams.has(name) ? name : this.#names + name;
  }

  /** Returns the name of a key-value bucket in NATS. */
  bucket(name: string): string {
    return this.#names + name;
  }

  /** Returns the name of a function's durable consumer. @param partition Default: that of the whole function. */
  consumer(functionName: string, partition?: number): string {
    return this.#names + functionName + (partition === undefined ? "" : `@${partition}`);
  }

  /** Returns the function of a durable consumer. A name outside of the namespace is returned as it is. */
  functionOf(consumer: string): string {
    const name = consumer.replace(PARTITION, "");
    return name.startsWith(this.#names) ? name.slice(this.#names.length) : name;
  }

  /** Returns whether a stream, consumer or bucket may be of this namespace. Without one every name may be. */
  includes(name: string): boolean {
    return name.startsWith(this.#names) || this.foreign.streams.has(name);
  }

  /** Returns whether a stream holds events of other streams on their way to one function. */
  isWayBack(stream: string): boolean {
    return stream === this.retries.stream || stream === this.partitions.stream;
  }

  /** Returns the subject of an event type. A pattern of types gives a pattern of subjects. */
  subject(type: string): string {
    return this.#subjects === "" || this.foreign.subjects.has(type) ? type : this.#subjects + type;
  }

  /**
   * Returns the event type, or Weir's own name, that a subject stands for. A subject outside of the namespace stands
   * for itself.
   *
   * @param stream The stream that stores the subject. If Weir does not own the stream, every subject stands for itself.
   * Default: Weir owns it.
   */
  typeOf(subject: string, stream?: string): string {
    if (stream !== undefined && this.foreign.streams.has(stream)) return subject;
    return subject.startsWith(this.#subjects) ? subject.slice(this.#subjects.length) : subject;
  }

  /**
   * Returns the type of a message that is published, when its stream is not known. A subject stands for itself if a
   * foreign type or pattern covers it, and that type or pattern begins with the namespace too.
   */
  typeOfPublished(subject: string): string {
    const isForeign = [...this.foreign.subjects].some((pattern) =>
      pattern.startsWith(this.#subjects) && covers(pattern, subject)
    );
    return isForeign ? subject : this.typeOf(subject);
  }
}

/** The plain names, of a project without a namespace. */
export const NO_NAMESPACE = new Namespace();
