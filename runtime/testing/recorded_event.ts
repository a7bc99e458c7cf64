/** A stored event, byte for byte, as `events record` writes it down. */
export interface RecordedEvent {
  /** What tells it from an event's data. */
  readonly kind: "recorded";
  /** The subject it was stored under. */
  readonly subject: string;
  /** The stream it was in. */
  readonly stream: string;
  /** Its position there, from 1. */
  readonly sequence: number;
  /** When it was stored: an RFC 3339 timestamp. */
  readonly time: string;
  /** Its headers, with the names as they came. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its payload. */
  readonly payload: Uint8Array;
}
