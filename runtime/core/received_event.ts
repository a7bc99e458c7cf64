import type { MessageHeaders } from "./delivery.ts";
import type { EventHeaders, WeirEvent } from "./event.ts";
import { OwnHeaders } from "./event_headers.ts";

/** The event of a delivered message. Hot path: its headers cost nothing until a handler reads them. */
export class ReceivedEvent<Data> implements WeirEvent<string, Data> {
  readonly #source: MessageHeaders;
  #headers: EventHeaders | undefined;

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
    this.#source = headers;
  }

  get headers(): EventHeaders {
    return this.#headers ??= new OwnHeaders(this.#source);
  }
}
