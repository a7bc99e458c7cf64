import { type Context, context } from "@opentelemetry/api";
import type { OutgoingEvent } from "../core/event.ts";
import type { ServerClock } from "../engine/clock.ts";
import type { Publisher } from "../engine/publisher.ts";
import { authenticate, type Authenticators } from "./authenticate.ts";
import { BatchPublisher, MAX_EVENTS, tooManyEvents } from "./batch_publisher.ts";
import type { Caller } from "./caller.ts";
import { BodyLimits, type Reservation } from "./body_limits.ts";
import { readLines } from "./ndjson.ts";
import {
  BATCH,
  bodyType,
  idempotencyKey,
  type IncomingEvent,
  NDJSON,
  parsePart,
  readBatch,
  readCloudEvent,
  readTyped,
} from "./parse_events.ts";
import { type Events, findEvent, prepareEvent } from "./prepare_event.ts";
import { Problem } from "./problem.ts";
import { parseJson } from "./request_body.ts";
import type { Route } from "./router.ts";
import type { Replies } from "./replies.ts";
import type { RequestLimit } from "./request_limit.ts";
import { SinglePublisher } from "./single_publisher.ts";
import { ServerSpan, type WithSpan } from "./server_span.ts";
import { SharedRoom } from "./shared_room.ts";
import { noContent } from "./webhooks/schemes.ts";
import { isRepeat, isWebhook, receiveWebhook, webhookCaller, type WebhookEvent } from "./webhooks/receive.ts";

export interface IngressOptions extends Authenticators {
  readonly events: Events;
  readonly publisher: Publisher;
  /** Holds answers until a reply arrives. Default: no event has replies. */
  readonly replies?: Pick<Replies, "begin">;
  /** The time of the NATS server decides whether a webhook was signed lately. */
  readonly clock: ServerClock;
  /** Largest body, and largest line of NDJSON, in bytes. */
  readonly maxBytes: number;
  /** Most memory for the bodies of all pending requests, in bytes. @default 32 MiB */
  readonly memoryBytes?: number;
  /** Returns the reason why nothing can be stored at the moment; undefined if storing may succeed. */
  readonly outage: () => Error | undefined;
  /** Returns the problem that answers an error. It is called in the trace context of the request. */
  readonly problemOf: (error: unknown) => Problem;
  /** Makes the trace context of a request. @default `trace.setSpan` */
  readonly withSpan?: WithSpan;
}

/** Requests that are pending at once. Beyond that they are refused before they cost memory. */
export const MAX_IN_FLIGHT = 1_000;
/** Requests with NDJSON that are pending at once, which may go on for as long as their caller likes. */
const MAX_STREAMS = MAX_IN_FLIGHT / 2;

/** A request whose caller is known. Its body is unread. */
interface Received {
  readonly request: Request;
  readonly caller: Caller;
  readonly reservation: Reservation;
  readonly context: Context;
}

type Publish = (received: Received) => Promise<Response>;

const TYPED = "/events/{type}";

/** Returns the routes that publish events: `/events`, `/events/{type}`, and each event's own route. */
export function ingressRoutes(options: IngressOptions): Route[] {
  const webhooks = [...options.events.values()].filter(isWebhook), handler = new Ingress(options, webhooks.length);
  const typed = (type: string): Publish => (received) => handler.publishTyped(received, type);
  const post = (path: string, template: string, publish: Publish, caller?: Caller): Route => {
    return { method: "POST", path, template, handle: (request) => handler.handle(request, template, publish, caller) };
  };
  const routes = [post("/events", "/events", (received) => handler.publishUntyped(received))];
  for (const event of webhooks) {
    const { route } = event.ingress, publish: Publish = (received) => handler.publishWebhook(received, event);
    routes.push(post(route!, route!, publish, webhookCaller(event)));
  }
  for (const event of options.events.values()) {
    if (isWebhook(event)) continue;
    const { type, ingress } = event;
    // Hot path: the router finds a path without parameters fastest.
    if (ingress) routes.push(post(`/events/${type}`, TYPED, typed(type)));
    if (ingress?.route) routes.push(post(ingress.route, ingress.route, typed(type)));
  }
  // The route exists so that a request for it is metered as /events/{type}: `findEvent` answers 404.
  const unknownType: Route["handle"] = (request, { type }) => handler.handle(request, TYPED, typed(type));
  return [...routes, { method: "POST", path: "/events/:type", template: TYPED, handle: unknownType }];
}

/** Answers requests: authenticate, read the body, parse events, prepare them, publish them, respond. */
class Ingress {
  readonly #limits: BodyLimits;
  readonly #requests: SharedRoom;
  readonly #streams: SharedRoom;
  readonly #single: SinglePublisher;

  /** @param webhooks number of webhooks, each of which is a caller of its own */
  constructor(readonly options: IngressOptions, webhooks: number) {
    const { maxBytes, clock, keys, memoryBytes } = options,
      callers = keys.callers + webhooks + (options.tokens ? 1 : 0);
    this.#single = new SinglePublisher(options.publisher, options.replies);
    this.#limits = new BodyLimits(maxBytes, clock, callers, memoryBytes);
    this.#requests = new SharedRoom(MAX_IN_FLIGHT, callers);
    this.#streams = new SharedRoom(MAX_STREAMS, callers);
  }

  /**
   * Authenticates the caller and publishes, within a span and the limits of the listener. Never rejects.
   *
   * @param known Caller, if its signature is checked later, with the body. Default: an API key tells who it is.
   */
  async handle(request: Request, template: string, publish: Publish, known?: Caller): Promise<Response> {
    const span = new ServerSpan(request, template, this.options.withSpan);
    let response: Response | undefined, reservation: Reservation | undefined, limit: RequestLimit | undefined;
    try {
      const found = known ?? authenticate(this.options, request),
        caller = found instanceof Promise ? await found : found;
      limit = caller.limit;
      limit?.take(this.options.clock.now());
      if (!this.#requests.hasRoom(caller.room, 1)) throw tooManyRequests(MAX_IN_FLIGHT);
      this.#requests.take(caller.room, 1);
      reservation = this.#limits.reserve(caller.room);
      // No body is read during an outage: it would take memory until the request fails anyway.
      const outage = this.options.outage();
      if (outage) throw outage;
      return response = await publish({ request, caller, reservation, context: span.context });
    } catch (error) {
      return response = this.#problemOf(error, span.context).toResponse();
    } finally {
      if (reservation) this.#requests.take(reservation.caller, -1);
      reservation?.release();
      for (const [name, value] of limit ? Object.entries(limit.headers()) : []) response?.headers.set(name, value);
      span.end(response?.status ?? 500);
    }
  }

  /** Publishes the event of a route with a type. Hot path: one promise instead of two async functions, see bench. */
  publishTyped(received: Received, type: string): Promise<Response> {
    const { request, caller, reservation } = received, definition = findEvent(this.options.events, caller, type);
    const publish = (incoming: IncomingEvent) =>
      this.#single.publish(prepareEvent(definition, caller, incoming), received);
    return readTyped(request, type, reservation).then(publish);
  }

  /** Publishes what `/events` takes: one CloudEvent, a batch, or NDJSON. */
  async publishUntyped(received: Received): Promise<Response> {
    switch (bodyType(received.request)) {
      case NDJSON:
        return await this.#publishLines(received);
      case BATCH:
        return await this.#publishBatch(received);
    }
    const event = await this.#readUntyped(received);
    return await this.#single.publish(event, received);
  }

  /** Publishes the event of a signed request, once its signature is found to be right. */
  async publishWebhook(received: Received, event: WebhookEvent): Promise<Response> {
    const read = await receiveWebhook(event, received, () => this.options.clock.serverNow());
    if (read instanceof Response) return read;
    try {
      return await this.#single.publish(read, received);
    } catch (error) {
      if (isRepeat(event, error)) return noContent();
      throw error;
    }
  }

  /** A function of its own: the parsed data, many times as large as its JSON, must not live until the event is stored. */
  async #readUntyped({ request, caller, reservation }: Received): Promise<OutgoingEvent> {
    return this.#prepare(caller, await readCloudEvent(request, reservation));
  }

  /** Publishes a CloudEvents batch. If one event is at fault, none is published. */
  async #publishBatch({ request, caller, reservation, context }: Received): Promise<Response> {
    const key = idempotencyKey(request);
    const envelopes = await readBatch(request, reservation);
    if (envelopes.length > MAX_EVENTS) throw tooManyEvents();
    const entries = envelopes.map((envelope, index) => {
      try {
        return { length: 0, event: this.#prepare(caller, parsePart(envelope, key, index)) };
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        throw new Problem(error.code, `event ${index}: ${error.detail}; nothing was published`, error.options);
      }
    });
    return await this.#batchPublisher(reservation, context).publish([entries], ({ event }) => event);
  }

  /** Publishes each line of NDJSON as it arrives. A line that is at fault is refused alone. */
  async #publishLines({ request, caller, reservation, context }: Received): Promise<Response> {
    const key = idempotencyKey(request);
    if (!this.#streams.hasRoom(caller.room, 1)) throw tooManyRequests(MAX_STREAMS);
    this.#streams.take(caller.room, 1);
    try {
      const lines = readLines(request, reservation);
      return await this.#batchPublisher(reservation, context).publish(lines, ({ text }, index) => {
        if (typeof text !== "string") throw text;
        return this.#prepare(caller, parsePart(parseJson(text, "the line"), key, index));
      });
    } finally {
      this.#streams.take(caller.room, -1);
    }
  }

  #prepare(caller: Caller, incoming: IncomingEvent): OutgoingEvent {
    return prepareEvent(findEvent(this.options.events, caller, incoming.type), caller, incoming);
  }

  #batchPublisher(reservation: Reservation, parent: Context): BatchPublisher {
    const problemOf = (error: unknown) => this.#problemOf(error, parent);
    return new BatchPublisher(this.options.publisher, problemOf, reservation, parent);
  }

  #problemOf(error: unknown, parent: Context): Problem {
    return context.with(parent, () => this.options.problemOf(error));
  }
}

function tooManyRequests(limit: number): Problem {
  const detail = `${limit} requests are pending: try again in a second`;
  return new Problem("too-many-requests", detail, { headers: { "retry-after": "1" } });
}
