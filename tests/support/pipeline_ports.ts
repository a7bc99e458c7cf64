import assert from "node:assert/strict";
import type { Clock } from "../../runtime/engine/clock.ts";
import { MemoryKvStore } from "../../runtime/testing/memory_kv_store.ts";

/** Ports of a pipeline that stores, claims and publishes nothing, and whose settlements all succeed. */
export function pipelinePorts<Given extends Clock>(clock: Given) {
  return {
    clock,
    publisher: {
      publish: (_event: unknown, { failed }: { failed(error: Error): void }) => failed(new Error("refused")),
    },
    settler: { settle: () => ({ ok: true as const }), extend: () => {} },
    attempts: {
      read: () => Promise.resolve(undefined),
      write: () => Promise.resolve(),
      markPrefetching: () => Promise.resolve(),
    },
    idempotency: { claim: () => assert.fail("nothing is claimed here") },
    observer: { begin() {}, end() {}, breakerChanged() {} },
    kv: new MemoryKvStore(),
  };
}
