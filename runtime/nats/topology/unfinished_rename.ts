import type { ConsumerInfo } from "@nats-io/jetstream";

/** Names in the metadata of a function's consumer on RETRIES, while a rename is not finished. */
export const RENAME = {
  /** On the consumer of the new name: the plan as JSON, with the old name as `from`. */
  plan: "weir-rename",
  /** On the consumer of the old name: the new name. */
  to: "weir-renamed-to",
} as const;

/**
 * Returns why a function must not run yet, or again, and what to do; undefined if no rename of it is unfinished. Its
 * missing consumers would be created anew, and events that were handled would be handled again.
 *
 * @param retries The function's consumer on RETRIES. Default: there is none.
 */
export function renameProblem(functionName: string, retries: ConsumerInfo | undefined): string | undefined {
  const { [RENAME.plan]: plan, [RENAME.to]: to } = retries?.config.metadata ?? {};
  if (plan !== undefined) return unfinished(JSON.parse(plan).from, functionName);
  return to === undefined ? undefined : unfinished(functionName, to);
}

function unfinished(from: string, to: string): string {
  return `the rename of ${from} to ${to} is not finished: finish it with \`deno task functions rename ${from} ${to}\` ` +
    "before either name runs";
}
