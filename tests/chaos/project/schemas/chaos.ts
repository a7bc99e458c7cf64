import { defineEvent } from "weir";
import { z } from "zod";

/** What the publisher sends; `kind` is what the function is to make of it. */
export const Asked = defineEvent({
  type: "chaos.asked",
  version: 1,
  data: z.object({ n: z.int(), kind: z.enum(["plain", "fails-once", "rejected"]) }),
});

/** What the first function emits and the second one handles. */
export const Answered = defineEvent({ type: "chaos.answered", version: 1, data: z.object({ n: z.int() }) });

export const Posted = defineEvent({
  type: "delayed.posted",
  version: 1,
  data: z.object({ n: z.int(), sentAtMs: z.number(), delay: z.boolean() }),
});

export const Broken = defineEvent({ type: "redrive.broken", version: 1, data: z.object({ n: z.int() }) });

export const Small = defineEvent({ type: "memory.small", version: 1, data: z.object({ n: z.int() }) });
