import type { ProgressStep } from "../../runtime/engine/progress_source.ts";

interface ServerSentEvent {
  readonly id?: string;
  readonly event: string;
  readonly data: unknown;
}

/** Reads a response with server-sent events to its end. */
export async function untilEnd(response: Response): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = [];
  for (const block of (await response.text()).split("\n\n")) {
    const lines = block.split("\n").filter((line) => line !== "" && !line.startsWith(":"));
    if (lines.length === 0) continue;
    const { data, ...more } = Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2)));
    events.push({ ...more, data: JSON.parse(data) });
  }
  return events;
}

/** Returns the steps of one function. */
export function stepsOf(events: readonly ServerSentEvent[], functionName: string): Omit<ProgressStep, "isLast">[] {
  return events.filter(({ event }) => event === "attempt").map(({ data }) => data as ProgressStep)
    .filter((step) => step.function === functionName);
}
