import { ReplayPolicy, type StreamConfig } from "@nats-io/jetstream";
import type { FoundState } from "./plan.ts";
import { nameOf } from "./step.ts";

/** Returns the settings and states that hold back a function's events and that Weir does not change, one line each. */
export function concernsOf({ streams, consumers }: FoundState): string[] {
  return [...consumers].flatMap(([{ consumer: name, stream }, info]) => {
    const found = streams.get(stream);
    if (!info || !found) return [];
    const { delivered, config: { replay_policy } } = info;
    const { inactive_threshold = 0 } = (found.config as StreamConfig).consumer_limits ?? {};
    const isBeyond = delivered.consumer_seq === 0 && delivered.stream_seq > found.state.last_seq;
    const all = [
      isBeyond &&
      `begins after sequence ${delivered.stream_seq}, and its stream ends at ${found.state.last_seq}: what is ` +
        `stored until then is skipped; \`nats consumer rm ${stream} ${name}\`, and it is created again`,
      inactive_threshold > 0 &&
      `is deleted after ${
          inactive_threshold / 1e9
        } s without a pull request, by the stream's consumer_limits: remove that ` +
        "limit (nats stream edit)",
      replay_policy === ReplayPolicy.Original &&
      "delivers at the pace at which events were stored (replay_policy original): create it again with instant",
    ];
    return all.filter((text) => text !== false && text !== undefined)
      .map((text) => `${nameOf({ what: "consumer", name, stream })} ${text}`);
  });
}
