import {
  type Attributes,
  type AttributeValue,
  type Exception,
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
  TraceFlags,
} from "@opentelemetry/api";
import { cleanAttributes, cleanSimpleAttributes, isTimeInput } from "@opentelemetry/core";
import { randomSpanId } from "./random_ids.ts";
import { nowMs, toMs } from "./span_clock.ts";

/** Of attributes, events and links there are so many at the most, as the specification has it. */
const LIMIT = 128;
const LIMITS = { attributeCountLimit: LIMIT, attributeValueLengthLimit: Infinity };
const NO_ATTRIBUTES: Attributes = Object.freeze({});
const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };

/** Something that happened while a span was open. */
export interface SpanEvent {
  readonly name: string;
  readonly atMs: number;
  readonly attributes?: Attributes;
  readonly droppedAttributesCount?: number;
}

/** Attributes that write themselves, in place of being set one by one. */
export interface PreparedAttributes {
  readonly count: number;
  has(key: string): boolean;
  /** What kind of end it came to, where that is known. */
  readonly outcome: string | undefined;
  /** One by one, as objects. */
  values(): Attributes;
  /** In a row, as OTLP/JSON has them. */
  json(): string;
}

/** Where the spans of a tracer go. */
export interface Keeper {
  /** Whether it wants one that has just ended, and is told so before it has the time of its end. */
  wants(span: RecordedSpan): boolean;
  keep(span: RecordedSpan): void;
}

/** Where a span is from. */
export interface SpanOrigin {
  readonly keeper: Keeper;
  /** The tracer's name and version, as OTLP has them. */
  readonly scope: string;
  readonly traceId: string;
  readonly traceState: SpanContext["traceState"];
  readonly sampled: boolean;
  /** The span above it. */
  readonly above: SpanContext | undefined;
}

/**
 * A span that keeps what it is told, as it is told. Of most nothing is ever sent, so what only those need that are is
 * left until they do: ids, events, links, the time of the end. One of the SDK's that is not sampled takes 2.0 µs from
 * its start to its end, this one 0.6. It refuses and drops what the SDK's does.
 */
export class RecordedSpan implements Span {
  readonly kind: SpanKind;
  readonly startedAtMs: number;
  endedAtMs = 0;
  status = UNSET;
  attributes = NO_ATTRIBUTES;
  /** What comes before the attributes. */
  prepared: PreparedAttributes | undefined;
  events: SpanEvent[] | undefined;
  links: Link[] | undefined;
  droppedAttributes = 0;
  droppedEvents = 0;
  droppedLinks = 0;
  /** Which is told of this one when it ends, since this one alone does not matter. */
  parent: RecordedSpan | undefined;
  /** What was below it, has ended, and may yet turn out to matter. */
  below: RecordedSpan[] | undefined;
  #attributeCount = 0;
  #ended = false;
  #context: SpanContext | undefined;

  constructor(public name: string, { kind, startTime, attributes, links }: SpanOptions, readonly origin: SpanOrigin) {
    this.kind = kind ?? SpanKind.INTERNAL;
    this.startedAtMs = startTime === undefined ? nowMs() : toMs(startTime);
    if (attributes && !this.#takeAll(attributes)) {
      const { attributes: clean, droppedAttributesCount } = cleanAttributes(attributes, LIMITS);
      this.setAttributes(clean!);
      this.droppedAttributes += droppedAttributesCount!;
    }
    if (links) this.addLinks(links);
  }

  spanContext(): SpanContext {
    const { traceId, traceState, sampled } = this.origin;
    return this.#context ??= {
      traceId,
      spanId: randomSpanId(),
      traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
      ...(traceState && { traceState }),
    };
  }

  /** Its id, if anybody has asked for that. */
  get knownId(): string | undefined {
    return this.#context?.spanId;
  }

  isRecording(): boolean {
    return !this.#ended;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (this.#ended) return this;
    if (!isPlain(key, value)) {
      const { attributes = {} } = cleanAttributes({ [key]: value }, LIMITS);
      if (!Object.hasOwn(attributes, key)) return this;
      value = attributes[key];
    }
    if (this.prepared?.has(key)) this.#unprepare(this.prepared);
    if (this.attributes === NO_ATTRIBUTES) this.attributes = {};
    if (!Object.hasOwn(this.attributes, key) && ++this.#attributeCount > LIMIT) this.droppedAttributes++;
    else this.attributes[key] = value;
    return this;
  }

  prepare(attributes: PreparedAttributes): void {
    if (this.#ended) return;
    const before = this.attributes;
    this.prepared = attributes;
    this.#attributeCount += attributes.count;
    for (const key of Object.keys(before)) if (attributes.has(key)) return this.#unprepare(attributes);
  }

  /** Somebody sets one of them anew. */
  #unprepare(prepared: PreparedAttributes): void {
    this.prepared = undefined;
    this.attributes = { ...prepared.values(), ...this.attributes };
    this.#attributeCount = Object.keys(this.attributes).length;
  }

  setAttributes(attributes: Attributes): this {
    if (this.#ended || this.#takeAll(attributes)) return this;
    for (const key of Object.keys(attributes)) this.setAttribute(key, attributes[key]);
    return this;
  }

  /** The first ones are copied as they are, if nothing speaks against it: set one by one they take five times as long. */
  #takeAll(attributes: Attributes): boolean {
    if (this.#attributeCount > 0) return false;
    const keys = Object.keys(attributes);
    if (keys.length > LIMIT || !keys.every((key) => isPlain(key, attributes[key]))) return false;
    this.attributes = { ...attributes };
    this.#attributeCount = keys.length;
    return true;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.#ended) return this;
    const given = isTimeInput(attributesOrTime);
    const at = time ?? (given ? attributesOrTime as TimeInput : undefined);
    const clean = given ? {} : cleanSimpleAttributes(attributesOrTime, LIMITS);
    this.events ??= [];
    if (this.events.length === LIMIT) this.droppedEvents += this.events.splice(0, 1).length;
    this.events.push({ name, atMs: at === undefined ? nowMs() : toMs(at), ...clean });
    return this;
  }

  addLink({ context, attributes }: Link): this {
    if (this.#ended) return this;
    this.links ??= [];
    if (this.links.length === LIMIT) this.droppedLinks += this.links.splice(0, 1).length;
    this.links.push({ context, ...cleanAttributes(attributes, LIMITS) });
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  /** What was called a success stays one; a message is an error's alone. */
  setStatus({ code, message }: SpanStatus): this {
    if (this.#ended || code === SpanStatusCode.UNSET || this.status.code === SpanStatusCode.OK) return this;
    this.status = code === SpanStatusCode.ERROR && typeof message === "string" ? { code, message } : { code };
    return this;
  }

  updateName(name: string): this {
    if (!this.#ended) this.name = name;
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { code, name, message, stack } = typeof exception === "string" ? { message: exception } : exception;
    const type = code ? String(code) : name;
    if (!type && !message) return;
    this.addEvent("exception", {
      ...(type && { "exception.type": type }),
      ...(message && { "exception.message": message }),
      ...(stack && { "exception.stacktrace": stack }),
    }, time);
  }

  end(time?: TimeInput): void {
    if (this.#ended) return;
    this.#ended = true;
    const { keeper } = this.origin;
    // Most are not wanted: they need not ask for the time, which takes 90 ns.
    if (keeper.wants(this)) {
      this.endedAtMs = Math.max(this.startedAtMs, time === undefined ? nowMs() : toMs(time));
      keeper.keep(this);
    } else this.forget();
    this.parent = this.below = undefined; // or each would hold all that led to it
  }

  /**
   * Lets go of all but its name and ids, once it is written or not wanted. What it was active for goes on to know it, and
   * what `AsyncLocalStorage` knows outlives young garbage: with each event's data, that would be most of what there is
   * to collect, 3 µs an event.
   */
  forget(): void {
    this.attributes = NO_ATTRIBUTES;
    this.prepared = this.events = this.links = undefined;
  }
}

function isPlain(key: string, value: AttributeValue): boolean {
  return key !== "" && (typeof value === "string" || typeof value === "number" || typeof value === "boolean");
}
