import type { BatchOptions } from "../../../runtime/api/batch.ts";
import type { EmitOptions } from "../../../runtime/api/context.ts";
import type { FunctionOptions } from "../../../runtime/api/define_function.ts";
import { numberOf, type Order } from "../order.ts";
import type { FeatureName } from "./task.ts";
import type { Ordered } from "./weir_events.ts";

type Options = Omit<FunctionOptions<typeof Ordered>, "on" | "emits" | "batch">;

/** A feature, as a function of the contestant Weir uses it. */
interface Feature {
  readonly options?: Options;
  readonly batch?: BatchOptions;
  readonly emit?: EmitOptions;
  /** Whether the process has a second function, with a schedule. */
  readonly schedule?: boolean;
}

const by = ({ data }: { readonly data: Order }) => `customer ${numberOf(data.orderId) % 1_000}`;
const batch = { size: 500, maxWait: "100ms" } as const;

/** Options whose limits are never reached: a limit that holds events would be measured in place of its cost. */
export const FEATURES: Readonly<Record<FeatureName, Feature>> = {
  "where": { options: { where: ({ data }) => data.total > 0 } },
  "keys": { options: { concurrency: { limit: 16, perKey: 2, by } } },
  "adaptive": { options: { concurrency: { min: 15, max: 16, target: "50ms" } } },
  "rate": { options: { rate: { limit: 1_000_000, per: "1s" } } },
  "shared breaker": { options: { breaker: { shared: true } } },
  "schedule": { schedule: true },
  "batch": { batch },
  "order": { options: { order: { by } } },
  "order and batch": { options: { order: { by } }, batch },
  "idempotency": { options: { idempotency: true } },
  "debounce": { options: { debounce: { by: ({ data }) => data.orderId, quiet: "1s" } } },
  "delay": { emit: { delay: "1h" } },
};
