import { Hono } from "hono";
import type { FormattedPolicy } from "../../project/format_policy.ts";
import { type Health, healthRoutes } from "../health.ts";
import { deadLetterRoutes, type DeadLetters } from "./dead_letter_routes.ts";
import { type Retries, retryRoutes } from "./retry_routes.ts";
import { metricsRoute } from "./metrics_route.ts";
import { Problem } from "../problem.ts";
import { metered, type RequestMeter } from "../request_meter.ts";

/** One function as the admin interface and `deno task functions` show it. */
export interface FunctionStatus {
  readonly name: string;
  readonly triggers: readonly string[];
  readonly emits: readonly string[];
  /** Everything that its file may set, with defaults filled in. */
  readonly policy: FormattedPolicy;
  readonly attempts: number;
  readonly timeout: string;
  /** How many events may be in flight in the processes that were asked. */
  readonly concurrency: number;
  readonly inFlight: number;
  /** The state of its own breaker; `unknown` where no process of it was asked. */
  readonly breaker: string;
  /** The states of the breakers of what it depends on, by name. */
  readonly dependencies: Readonly<Record<string, string>>;
  /** Events that no replica has been given yet; undefined when the server does not say. */
  readonly pending: number | undefined;
  /** Events that some replica has been given and not settled. */
  readonly ackPending: number | undefined;
  /** Events that wait for their next attempt outside the consumer. */
  readonly delayedRetries: number | undefined;
  /** How long ago the oldest event was stored, or came due, that is neither settled nor delayed; 0 when none waits. */
  readonly oldestWaitingMs: number | undefined;
  /** The last failure that this process saw; undefined when it saw none. */
  readonly lastError: { readonly at: string; readonly reason: string; readonly error: string } | undefined;
}

/** What the admin interface stands on. */
interface AdminOptions {
  readonly health: Health;
  readonly metrics: () => Promise<string>;
  readonly meter?: RequestMeter;
  readonly functions: () => Promise<readonly FunctionStatus[]>;
  readonly deadLetters: DeadLetters;
  readonly retries: Retries;
  /** What an error means to whoever asked, when it is no fault in here: NATS is away. Default: nothing. */
  readonly problem?: (error: Error) => Problem | undefined;
}

/** The interface for operators, on a listener of its own that is not for the public. */
export function admin(options: AdminOptions): Hono {
  const app = new Hono();
  if (options.meter) app.use(metered(options.meter));
  return app
    .route("/", healthRoutes(options.health))
    .route("/", metricsRoute(options.metrics))
    .route("/", deadLetterRoutes(options.deadLetters))
    .route("/", retryRoutes(options.retries))
    .get("/functions", async () => Response.json(await options.functions()))
    .notFound((c) => new Problem(404, "Not Found", `nothing is at ${c.req.path}`).toResponse())
    .onError((error) => {
      const problem = error instanceof Problem ? error : options.problem?.(error);
      return (problem ?? new Problem(500, "Internal Server Error", error.message)).toResponse();
    });
}
