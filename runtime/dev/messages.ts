/** What a generation found in the project, before it touched anything. */
export interface ProjectSummary {
  readonly functions: readonly {
    readonly name: string;
    readonly on: readonly string[];
    readonly emits: readonly string[];
  }[];
  /** The events that may be published from outside. */
  readonly ingress: readonly { readonly type: string; readonly path: string }[];
  readonly warnings: readonly string[];
}

/** Where a generation listens. Both are its own, on loopback. */
export interface Address {
  readonly url: string;
  readonly adminUrl: string;
}

/**
 * What `dev` tells a generation: to load the project, then to run it, and perhaps for an example of what to send it. One
 * that runs may be told to rest: it stops as at its end but stays, and can be told to run again. It is asked whether
 * handlers run while it stops. The channel's end stops it as well.
 */
export type ToRevision = "load" | "go" | "rest" | "example" | "stop" | "busy";

/** What a generation answers. */
export type FromRevision =
  | { readonly kind: "loaded"; readonly loaded: ProjectSummary }
  | { readonly kind: "ready"; readonly address: Address }
  /** Whether it has deliveries in handlers, or waiting for one. */
  | { readonly kind: "busy"; readonly busy: boolean }
  /** JSON of data for the first event of `ingress`; undefined when there is none, or none can be made. */
  | { readonly kind: "example"; readonly json?: string }
  /** It cannot run, and waits for its end; `passing`: for no fault of the files, such as a server that is away. */
  | { readonly kind: "problems"; readonly problems: readonly string[]; readonly passing?: boolean };
