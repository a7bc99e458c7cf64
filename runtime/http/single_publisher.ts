import type { Context } from "@opentelemetry/api";
import type { OutgoingEvent } from "../core/event.ts";
import type { Publisher, PublishResult } from "../engine/publisher.ts";
import type { Reservation } from "./body_limits.ts";
import { accepted, storedResult } from "./publish_response.ts";
import type { Replies } from "./replies.ts";

/** The request of one event. */
interface EventRequest {
  readonly request: Request;
  readonly reservation: Reservation;
  readonly context: Context;
}

/** Publishes the event of a request, and waits for its reply if the request asks for it. */
export class SinglePublisher {
  constructor(readonly publisher: Publisher, readonly replies: Pick<Replies, "begin"> | undefined) {}

  async publish(event: OutgoingEvent, { request, reservation, context }: EventRequest): Promise<Response> {
    const reply = this.replies?.begin(event, request);
    if (!reply) return accepted(await this.#store(event, context));
    try {
      const stored = await this.#store(event, context);
      reservation.hold(0); // the body is not needed while the request waits
      return await reply.respond(stored);
    } finally {
      reply.end();
    }
  }

  /** Resolves to the result of the stored event, as JSON. */
  #store(event: OutgoingEvent, parent: Context): Promise<string> {
    return new Promise((resolve, failed) => {
      const stored = (result: PublishResult) => resolve(storedResult(event, result));
      this.publisher.publish(event, { stored, failed }, { parent });
    });
  }
}
