import type { RequestLimit } from "./request_limit.ts";

/** Who sent a request. */
export interface Caller {
  /** Name in the source of its events; undefined when authentication is off. */
  readonly name: string | undefined;
  /** Who it is, for a person, such as `API key shop`. */
  readonly title: string;
  /** Callers with the same room share memory and pending requests; undefined when authentication is off. */
  readonly room: string | undefined;
  /** Attributes of its events that say who published them (CloudEvents, Auth Context). Default: none. */
  readonly identity?: Readonly<Record<"authtype" | "authid", string>>;
  /** Limit of its requests. Default: none. */
  readonly limit?: RequestLimit;
  mayPublish(type: string): boolean;
}

export const ANY_CALLER: Caller = { name: undefined, title: "any caller", room: undefined, mayPublish: () => true };
