/** Reports an effect of a handler to the chaos process. */
export async function record(fn: string, n: number, attempt: number, sentAtMs?: number): Promise<void> {
  const latencyMs = sentAtMs === undefined ? undefined : performance.timeOrigin + performance.now() - sentAtMs;
  const response = await fetch(Deno.env.get("LEDGER_URL")!, {
    method: "POST",
    body: JSON.stringify({ fn, n, attempt, pid: Deno.pid, latencyMs }),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the ledger answered ${response.status}`);
}
