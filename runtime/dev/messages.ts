/** Functions and events that a revision loaded. */
export interface ProjectSummary {
  readonly functions: readonly {
    readonly name: string;
    readonly on: readonly string[];
    readonly emits: readonly string[];
  }[];
  /** Events that clients may publish over HTTP. `signed` marks those of webhooks. */
  readonly ingress: readonly { readonly type: string; readonly path: string; readonly signed?: boolean }[];
  readonly warnings: readonly string[];
}

/** Addresses on which a revision listens, both on loopback. */
export interface RevisionAddress {
  readonly url: string;
  readonly adminUrl: string;
}

/**
 * Commands that `dev` sends to a revision.
 *
 * - `load` imports and checks the project.
 * - `start` starts the runtime, the first time or after `standby`.
 * - `standby` stops the runtime but not the process.
 * - `example` asks for example data, and `busy` for whether handlers run.
 * - `stop` stops the runtime and ends the process, as does the end of the channel.
 */
export type ToRevision = "load" | "start" | "standby" | "example" | "busy" | "stop";

/** Messages that a revision sends to `dev`. */
export type FromRevision =
  | { readonly kind: "loaded"; readonly project: ProjectSummary }
  | { readonly kind: "started"; readonly address: RevisionAddress }
  /** True while deliveries are in handlers or wait for one. */
  | { readonly kind: "busy"; readonly busy: boolean }
  /** JSON data for the first event of `ingress` that is not signed. Undefined when there is no such event, or no example can be made. */
  | { readonly kind: "example"; readonly json?: string }
  /** The revision cannot run. `transient` when the cause is outside the project, such as an unreachable server. */
  | { readonly kind: "failed"; readonly problems: readonly string[]; readonly transient?: boolean };
