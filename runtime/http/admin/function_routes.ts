import type { FormattedPolicy } from "../../project/format_policy.ts";
import { type Route, route } from "../router.ts";
import { identityHeaders, type RuntimeIdentity } from "./runtime_identity.ts";

/** Status of a function, as the admin listener and `deno task functions` show it. */
export interface FunctionStatus {
  readonly name: string;
  readonly triggers: readonly string[];
  /** Triggers that are ticks of a schedule, by their type. Default: none. */
  readonly schedules?: readonly { readonly type: string; readonly schedule: string; readonly catchUp: string }[];
  readonly emits: readonly string[];
  /** Names of the resources without which it does not pull. Default: none. */
  readonly needs?: readonly string[];
  readonly policy: FormattedPolicy;
  readonly attempts: number;
  readonly timeout: string;
  /** Limit of events in flight, over all processes that were asked. */
  readonly concurrency: number;
  /** Handlers that run at once now, over all processes that were asked. Absent for a fixed concurrency. */
  readonly limit?: number;
  readonly inFlight: number;
  /** State of its own breaker; `unknown` if no process that runs it was asked. */
  readonly breaker: string;
  readonly dependencies: Readonly<Record<string, string>>;
  /** Why breakers with `shared` are not shared, by their names, as in `dependency PaymentService`. Absent if all are. */
  readonly notShared?: Readonly<Record<string, string>>;
  /** State of its rate in the process that was asked, and the deliveries held for it. Absent without a rate. */
  readonly rate?: { readonly state: "free" | "used-up" | "local"; readonly waiting: number };
  /**
   * Keys with a share of the concurrency: those that run, wait or are to return, the deliveries held until their key is
   * free, and those that were skipped over since the start. Absent without shares.
   */
  readonly keys?: { readonly known: number; readonly waiting: number; readonly skipped: number };
  /**
   * Whether the process that was asked receives the events of a function with `order`, the events that wait in it for an
   * earlier one of their key, the keys whose first event has failed, and those that are parked. Absent without `order`.
   */
  readonly order?: {
    readonly state: "holder" | "taking-over" | "standby";
    readonly waiting: number;
    readonly blockedKeys: number;
    readonly parkedKeys: number;
    /** The partitions, from 0, whose events that process receives. Absent without partitions. */
    readonly partitions?: readonly number[];
  };
  /** Events that no replica has received yet; undefined if the server does not say. */
  readonly pending: number | undefined;
  /** Events that were delivered to a replica and are not settled. */
  readonly ackPending: number | undefined;
  /** Events that wait for their next attempt outside the consumer. */
  readonly delayedRetries: number | undefined;
  /** Age of the oldest event that waits in the consumer, from when it was stored or came due; 0 if none waits. */
  readonly oldestWaitingMs: number | undefined;
  /** End of the pause by \`functions pause\`, as an RFC 3339 timestamp; undefined if it is not paused, or not known. */
  readonly pausedUntil?: string;
  /** Why the process that was asked pulls nothing, if its streams or consumers have a problem. Absent otherwise. */
  readonly problem?: string;
  readonly lastError: { readonly at: string; readonly reason: string; readonly error: string } | undefined;
}

export function functionRoutes(
  functions: () => Promise<readonly FunctionStatus[]>,
  identity: RuntimeIdentity,
): Route[] {
  const headers = identityHeaders(identity);
  return [route("GET", "/functions", async () => Response.json(await functions(), { headers }))];
}
