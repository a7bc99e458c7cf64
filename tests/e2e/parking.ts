import { defineEvent, defineFunction } from "weir";
import { z } from "zod";

export const Asked = defineEvent({
  type: "demo.asked",
  version: 1,
  data: z.object({ n: z.int(), key: z.string(), text: z.string().optional() }),
});

/** Returns a function whose event 0 of the key `bad` fails until `state.works`, and parks that key. */
export function parking() {
  const state = { works: false }, handled: string[] = [];
  const parks = defineFunction({
    on: Asked,
    order: { by: ({ data }) => data.key, onFailure: "park" },
    retry: { attempts: 1 },
  }, ({ data: { n, key } }) => {
    if (!state.works && key === "bad" && n === 0) throw new Error("down");
    handled.push(`${key} ${n}`);
  });
  return { parks, state, handled };
}

/** Returns what `handled` has of the first events of the key `bad`, in their order. */
export function inTheirOrder(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `bad ${n}`);
}
