import type { Context } from "@opentelemetry/api";
import type { OutgoingEvent } from "../core/event.ts";
import type { Publisher, PublishResult } from "../engine/publisher.ts";
import type { Reservation } from "./body_limits.ts";
import { accepted, storedResult } from "./publish_response.ts";
import type { PendingReply, Replies } from "./replies.ts";

/** The request of one event. */
interface EventRequest {
  readonly request: Request;
  readonly reservation: Reservation;
  readonly context: Context;
}

/** Publishes the event of a request, and waits for its reply if the request asks for it. */
export class SinglePublisher {
  constructor(readonly publisher: Publisher, readonly replies: Pick<Replies, "begin"> | undefined) {}

  publish(event: OutgoingEvent, { request, reservation, context }: EventRequest): Promise<Response> {
    const reply = this.replies?.begin(event, request);
    if (!reply) return this.#store(event, context, accepted); // hot path: no async function, see bench
    return this.#reply(event, context, reply, reservation);
  }

  async #reply(
    event: OutgoingEvent,
    context: Context,
    reply: PendingReply,
    reservation: Reservation,
  ): Promise<Response> {
    try {
      const stored = await this.#store(event, context, (result) => result);
      reservation.hold(0); // the body is not needed while the request waits
      return await reply.respond(stored);
    } finally {
      reply.end();
    }
  }

  /** Stores the event. @param answer Receives its result, as JSON. */
  #store<Answer>(event: OutgoingEvent, parent: Context, answer: (result: string) => Answer): Promise<Answer> {
    return new Promise((resolve, failed) => {
      const stored = (result: PublishResult) => resolve(answer(storedResult(event, result)));
      this.publisher.publish(event, { stored, failed }, { parent });
    });
  }
}
