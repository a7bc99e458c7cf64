import type { MessageHeaders } from "./delivery.ts";
import type { EventHeaders, WeirEvent } from "./event.ts";
import { OwnHeaders } from "./event_headers.ts";

/** The event of a delivered message. Hot path: `headers` costs one field until a handler reads it, see bench. */
export class ReceivedEvent<Data> implements WeirEvent<string, Data> {
  /** Headers of the message, and the event's own once they were read. */
  #headers: MessageHeaders | OwnHeaders;

  constructor(
    readonly id: string,
    readonly type: string,
    readonly source: string,
    readonly time: string,
    readonly data: Data,
    readonly subject: string,
    readonly extensions: Readonly<Record<string, string>>,
    headers: MessageHeaders,
  ) {
    this.#headers = headers;
  }

  get headers(): EventHeaders {
    const headers = this.#headers;
    return headers instanceof OwnHeaders ? headers : this.#headers = new OwnHeaders(headers);
  }
}
