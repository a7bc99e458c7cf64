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
import { textOf } from "../logs/log_values.ts";
import { randomSpanId } from "./random_ids.ts";
import { nowMs, toMs } from "./span_clock.ts";

/** Attributes, events and links that a span has at the most: the default of the OpenTelemetry specification. */
const LIMIT = 128;
/** Characters of an attribute: ended spans wait for their export in memory. Errors are cut to less before. */
const MAX_VALUE = 20_000;
const LIMITS = { attributeCountLimit: LIMIT, attributeValueLengthLimit: MAX_VALUE };
const NO_ATTRIBUTES: Attributes = Object.freeze({});
const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };

export interface SpanEvent {
  readonly name: string;
  readonly atMs: number;
  readonly attributes?: Attributes;
  readonly droppedAttributesCount?: number;
}

/** Attributes that are serialized together instead of being set one by one. */
export interface PreparedAttributes {
  readonly count: number;
  has(key: string): boolean;
  /** The outcome of the operation, for tail sampling; undefined until it is known. */
  readonly outcome: string | undefined;
  values(): Attributes;
  /** Returns the elements of an OTLP/JSON attribute list, without brackets. */
  json(): string;
}

/** Receives the ended spans of a tracer. */
export interface Keeper {
  /** Returns whether a span that is ending must be kept. It is called before the end time is set. */
  wants(span: RecordedSpan): boolean;
  keep(span: RecordedSpan): void;
}

/** The tracer and trace that a span belongs to. */
export interface SpanOrigin {
  readonly keeper: Keeper;
  /** The instrumentation scope as OTLP/JSON. */
  readonly scope: string;
  readonly traceId: string;
  readonly traceState: SpanContext["traceState"];
  readonly sampled: boolean;
  readonly parentContext: SpanContext | undefined;
}

/**
 * A span that stores raw values. Most spans are never exported, so ids, links and the end time are computed only on
 * export. It ignores invalid values and applies limits as the SDK's span does.
 */
export class RecordedSpan implements Span {
  readonly kind: SpanKind;
  readonly startedAtMs: number;
  endedAtMs = 0;
  status = UNSET;
  attributes = NO_ATTRIBUTES;
  /** Attributes that are exported before `attributes`. */
  prepared: PreparedAttributes | undefined;
  events: SpanEvent[] | undefined;
  links: Link[] | undefined;
  droppedAttributes = 0;
  droppedEvents = 0;
  droppedLinks = 0;
  /** The parent in this process that holds this span when it ends; undefined if this span is sampled. */
  parent: RecordedSpan | undefined;
  /** Ended descendants, which are exported if this span is. */
  held: RecordedSpan[] | undefined;
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
    const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
    return this.#context ??= { traceId, spanId: randomSpanId(), traceFlags, traceState };
  }

  /** The span id, if it was read before. */
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

  /** Adds prepared attributes. An attribute that is already set overrides a prepared one. */
  prepare(attributes: PreparedAttributes): void {
    if (this.#ended) return;
    this.prepared = attributes;
    this.#attributeCount += attributes.count;
    for (const key of Object.keys(this.attributes)) if (attributes.has(key)) return this.#unprepare(attributes);
  }

  /** Turns prepared attributes into ordinary ones, because one of them is overridden. */
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

  /** Copies the first attributes at once if all values are plain. Hot path: setting each is slower, see bench. */
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
    const isTime = isTimeInput(attributesOrTime);
    const at = time ?? (isTime ? attributesOrTime as TimeInput : undefined);
    const clean = isTime ? {} : cleanSimpleAttributes(attributesOrTime, LIMITS);
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

  /** Status OK is final, and only errors have a message: both as the specification says. */
  setStatus({ code, message }: SpanStatus): this {
    if (this.#ended || code === SpanStatusCode.UNSET || this.status.code === SpanStatusCode.OK) return this;
    this.status = code === SpanStatusCode.ERROR && typeof message === "string" ? { code, message } : { code };
    return this;
  }

  updateName(name: string): this {
    if (!this.#ended) this.name = name;
    return this;
  }

  /** Records an exception, which may be any value: handlers pass what they catch. */
  recordException(exception: Exception, time?: TimeInput): void {
    const { type, message, stack } = partsOf(exception);
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
    // Hot path: the clock is read only for a span that is kept, and most are not.
    if (keeper.wants(this)) {
      this.endedAtMs = Math.max(this.startedAtMs, time === undefined ? nowMs() : toMs(time));
      keeper.keep(this);
    } else this.forget();
    this.parent = this.held = undefined; // or each span would keep its ancestors and descendants alive
  }

  /**
   * Releases everything but the name and the ids, once the span is serialized or not kept. Contexts may still refer to
   * the span, and what `AsyncLocalStorage` refers to survives young collections.
   */
  forget(): void {
    this.attributes = NO_ATTRIBUTES;
    this.prepared = this.events = this.links = undefined;
  }
}

function partsOf(exception: unknown): { readonly type?: string; readonly message: string; readonly stack?: string } {
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  try {
    const { code, name, message, stack } = Object(exception);
    const type = typeof code === "string" || typeof code === "number" ? code || name : name;
    return { type: type && String(type), message: text(message) ?? textOf(exception), stack: text(stack) };
  } catch {
    return { message: textOf(exception) };
  }
}

function isPlain(key: string, value: AttributeValue): boolean {
  if (key === "") return false;
  return typeof value === "string"
    ? value.length <= MAX_VALUE
    : typeof value === "number" || typeof value === "boolean";
}
