/** Fewest and most partitions of a function with `order`. Each has two consumers, and a process pulls from all. */
export const PARTITIONS = { min: 2, max: 64 } as const;
/** A partition of a function: its index from 0, and the number of all. */
export interface Partition {
  readonly index: number;
  readonly of: number;
}

/** Hexadecimal digits of a key that decide its partition: 32 bits. */
const DIGITS = 8;

/**
 * Returns the partition of a key: the first 32 bits of its SHA-256 digest, modulo the number of partitions.
 *
 * Invariant: every release returns the same number. Otherwise an event would overtake earlier ones of its key.
 *
 * @param key The digest, in hexadecimal digits, as `eventKey` returns it.
 */
export function partitionOf(key: string, partitions: number): number {
  return Number.parseInt(key.slice(0, DIGITS), 16) % partitions;
}

/** Returns how many partitions a process may hold, if several processes share them evenly. */
export function quotaOf(id: string, others: Iterable<string>, partitions: number): number {
  const all = [...new Set([id, ...others])].sort(), rank = all.indexOf(id);
  return Math.floor(partitions / all.length) + (rank < partitions % all.length ? 1 : 0);
}
