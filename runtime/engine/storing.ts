import type { Context } from "@opentelemetry/api";
import type { OutgoingEvent } from "../core/event.ts";
import type { Publisher, PublishResult } from "./ports.ts";

/** Is told once what has become of an event or a message. */
export interface Storing {
  stored(stored: PublishResult): void;
  /** It is not known to be stored. */
  failed(error: unknown): void;
}

/** What else is known of an event that is to be published. */
export interface Circumstances {
  /** It may have been stored already, at that time or later; undefined: JetStream itself would notice. */
  readonly sinceMs?: number;
  /** Whose spans its own belongs to; the active context unless given. */
  readonly parent?: Context;
}

/**
 * A publisher that can tell what has become of an event, in place of promising it: what stores, measures and traces are
 * a layer each, and a promise for each layer was a quarter of what an event cost.
 */
export interface TellingPublisher extends Publisher {
  /** Never throws. */
  begin(event: OutgoingEvent, storing: Storing, circumstances?: Circumstances): void;
}

/** Any publisher as one that tells. */
export function telling(publisher: Publisher): TellingPublisher["begin"] {
  if ("begin" in publisher) return (...given) => (publisher as TellingPublisher).begin(...given);
  return (event, storing, circumstances) => {
    publisher.publish(event, circumstances?.sinceMs)
      .then((stored) => storing.stored(stored), (error) => storing.failed(error));
  };
}

/** One that tells as one that promises. */
export function promised(
  publisher: Pick<TellingPublisher, "begin">,
  event: OutgoingEvent,
  sinceMs?: number,
): Promise<PublishResult> {
  return new Promise((stored, failed) =>
    publisher.begin(event, { stored, failed }, sinceMs === undefined ? undefined : { sinceMs })
  );
}
