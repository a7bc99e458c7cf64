import { defineFunction } from "weir";
import { Ordered } from "../schemas/chaos.ts";

/** Appends a line to the file of this process, which survives its death. */
function note(line: string): void {
  Deno.writeTextFileSync(`${Deno.env.get("ORDER_LEDGER")}/${Deno.pid}.log`, `${line}\n`, { append: true });
}

const partitions = Number(Deno.env.get("KEEP_PARTITIONS") ?? 0);

const now = () => (performance.timeOrigin + performance.now()).toFixed(2);

export default defineFunction({
  on: Ordered,
  order: { by: ({ data }) => data.key, ...(partitions > 0 && { partitions }) },
  retry: { attempts: 3, initial: "100ms", max: "1s" },
  breaker: { consecutiveFailures: 1_000 },
}, async ({ data: { n, key, failsUntilMs } }) => {
  note(`start ${n} ${key} ${now()}`);
  await new Promise((resolve) => setTimeout(resolve, 1 + n % 7));
  const fails = Date.now() < failsUntilMs;
  note(`${fails ? "failed" : "end"} ${n} ${key} ${now()}`);
  if (fails) throw new Error("it fails for a while by rule");
});
