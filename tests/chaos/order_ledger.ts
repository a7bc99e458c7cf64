/** One run of the handler, by the file of its process. Times are milliseconds since 1970. */
export interface OrderedRun {
  readonly n: number;
  readonly key: string;
  readonly pid: number;
  readonly startMs: number;
  /** When it ended, or its process was killed. */
  readonly endMs: number;
  readonly isOk: boolean;
}

/** A time in which a process did not run, or after which it did not run any more. */
export interface Halt {
  readonly pid: number;
  readonly kind: "killed" | "stopped";
  readonly fromMs: number;
  readonly toMs: number;
}

/** The faults in the order of the events of each key. */
export interface OrderVerdict {
  readonly handled: number;
  /** Events that began before an earlier one of their key had ended well. */
  readonly early: readonly string[];
  /** Pairs of runs of one key at the same time. */
  readonly overlaps: readonly string[];
  /** Runs that went on beside others of their key after their process had been stopped for longer than a lease. */
  readonly afterStops: number;
  readonly repeated: number;
}

/** A stop from this length on, in milliseconds, ends the leases of a process. */
const LEASE_MS = 8_000;

/** Reads the runs from the files of all processes. */
export async function readRuns(folder: string, halts: readonly Halt[]): Promise<OrderedRun[]> {
  const runs: OrderedRun[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const pid = parseInt(name), open = new Map<string, { n: number; key: string; startMs: number }>();
    for (const line of (await Deno.readTextFile(`${folder}/${name}`)).split("\n").filter((line) => line !== "")) {
      const [what, n, key, atMs] = line.split(" ");
      if (what === "start") open.set(n, { n: Number(n), key, startMs: Number(atMs) });
      else {
        runs.push({ ...open.get(n)!, pid, endMs: Number(atMs), isOk: what === "end" });
        open.delete(n);
      }
    }
    const endMs = halts.find((halt) => halt.pid === pid && halt.kind === "killed")?.fromMs ?? Infinity;
    for (const run of open.values()) runs.push({ ...run, pid, endMs, isOk: false });
  }
  return runs.toSorted((one, other) => one.startMs - other.startMs);
}

/** Judges the runs: per key the events must begin in order, each once the earlier ones ended well, and never two at once. */
export function judgeOrder(runs: readonly OrderedRun[], halts: readonly Halt[]): OrderVerdict {
  const early: string[] = [], overlaps: string[] = [], afterStops = new Set<OrderedRun>();
  let handled = 0, repeated = 0;
  for (const ofKey of Map.groupBy(runs, ({ key }) => key).values()) {
    const firstOk = new Map<number, number>();
    for (const { n, isOk, endMs } of ofKey) if (isOk) firstOk.set(n, Math.min(endMs, firstOk.get(n) ?? Infinity));
    handled += firstOk.size;
    repeated += ofKey.filter(({ isOk }) => isOk).length - firstOk.size;
    const numbers = [...new Set(ofKey.map(({ n }) => n))].toSorted((a, b) => a - b);
    const before = new Map(numbers.map((n, i) => [n, numbers[i - 1]]));
    ofKey.forEach((run, i) => {
      const earlier = before.get(run.n);
      if (earlier !== undefined && !(firstOk.get(earlier)! <= run.startMs)) {
        early.push(`${run.key}: ${run.n} began before ${earlier} had ended`);
      }
      for (const other of ofKey.slice(0, i).filter(({ endMs }) => endMs > run.startMs)) {
        const stopped = [run, other].find((one) => wasStopped(one, halts));
        if (stopped) afterStops.add(stopped);
        else overlaps.push(`${run.key}: ${other.n} and ${run.n} ran at the same time`);
      }
    });
  }
  return { handled, early, overlaps, afterStops: afterStops.size, repeated };
}

/** Returns whether the process of a run was stopped for longer than a lease while it ran. */
function wasStopped({ pid, startMs, endMs }: OrderedRun, halts: readonly Halt[]): boolean {
  return halts.some(({ kind, pid: ofPid, fromMs, toMs }) =>
    kind === "stopped" && ofPid === pid && toMs - fromMs >= LEASE_MS && startMs <= fromMs && endMs >= toMs
  );
}

/** Returns how long no run began after each halt of the process that began the last one before it, in milliseconds. */
export function takeoverGaps(runs: readonly OrderedRun[], halts: readonly Halt[]): number[] {
  return halts.flatMap(({ pid, fromMs }) => {
    const last = runs.findLast(({ startMs }) => startMs <= fromMs), next = runs.find(({ startMs }) => startMs > fromMs);
    return last && next && last.pid === pid ? [next.startMs - fromMs] : [];
  });
}
