import { defineEvent } from "weir";
import { z } from "zod";

/** The published event. `kind` decides how the function handles it. */
export const Asked = defineEvent({
  type: "chaos.asked",
  version: 1,
  data: z.object({ n: z.int(), kind: z.enum(["plain", "fails-once", "rejected"]) }),
});

/** The event that the function `answer` emits and `follow` handles. */
export const Answered = defineEvent({ type: "chaos.answered", version: 1, data: z.object({ n: z.int() }) });

export const Posted = defineEvent({
  type: "delayed.posted",
  version: 1,
  data: z.object({ n: z.int(), sentAtMs: z.number(), delay: z.boolean() }),
});

export const Broken = defineEvent({ type: "redrive.broken", version: 1, data: z.object({ n: z.int() }) });

export const Small = defineEvent({ type: "memory.small", version: 1, data: z.object({ n: z.int() }) });

/** An event of one of many keys, whose handler fails until a time, in milliseconds since 1970. */
export const Ordered = defineEvent({
  type: "order.kept",
  version: 1,
  data: z.object({ n: z.int(), key: z.string(), failsUntilMs: z.number() }),
});
