import { getHeapStatistics } from "node:v8";

/** The memory that this process may take, in bytes. */
export interface MemoryLimits {
  /** Size to which the heap may grow. */
  readonly heap: number;
  /** Limit of the container or control group. The kernel kills a process that exceeds it. */
  readonly group: number;
}

const SYS = { name: "sys", kind: "systemMemoryInfo" } as const;
const MIB = 1_024 * 1_024;
/** Share of the group's limit beyond which the heap is too large: threads, code and buffers need the rest. */
const MAX_SHARE = 0.75;
/**
 * Share of the group's limit for the heaps of all workers. Deno itself gives this share to the heap of a single
 * process.
 */
const WORKERS_SHARE = 0.52;
/** Resident memory of a supervisor, and of a worker without events, in MiB. */
const SUPERVISOR_MIB = 90, WORKER_MIB = 100;

/** Returns the limits; undefined if the process has none, or may not ask. */
export function memoryLimits(): MemoryLimits | undefined {
  if (Deno.permissions.querySync(SYS).state !== "granted") return undefined;
  const group = process.constrainedMemory();
  // Without a limit, the kernel reports its largest number.
  return group > 0 && group < Number.MAX_SAFE_INTEGER
    ? { heap: getHeapStatistics().heap_size_limit, group }
    : undefined;
}

/**
 * Returns the fault of the limits, for a line of the log; undefined if they fit.
 *
 * @param workers Number of workers that share the limit. The heap of each is sized by it. Default: a single process.
 */
export function memoryProblem(limits: MemoryLimits | undefined, workers = 1): string | undefined {
  if (!limits) return undefined;
  const neededMiB = SUPERVISOR_MIB + workers * WORKER_MIB;
  const [heap, group] = [limits.heap, limits.group].map((bytes) => `${Math.round(bytes / MIB)} MiB`);
  if (workers > 1) {
    if (limits.group >= neededMiB * MIB) return undefined;
    return `${workers} workers need ${neededMiB} MiB without events, and the kernel kills them at ${group}`;
  }
  if (limits.heap <= limits.group * MAX_SHARE) return undefined;
  return `the heap may grow to ${heap}, and the kernel kills the process at ${group}`;
}

/** Returns the size of each worker's heap in MiB, so that all of them fit together; undefined if there is no limit. */
export function workerHeapMiB(limits: MemoryLimits | undefined, workers: number): number | undefined {
  return limits && Math.max(1, Math.floor(limits.group * WORKERS_SHARE / workers / MIB));
}
