import { type ConsumerInfo, JetStreamApiError, type JetStreamManager, type StreamInfo } from "@nats-io/jetstream";
import type { Facts } from "./facts.ts";
import { JETSTREAM_CODES } from "../nats/client/error_codes.ts";

/** Reads streams with all their consumers. One that cannot be read is told of beside the others. */
export async function readStreams(
  jsm: JetStreamManager,
  names: readonly string[],
): Promise<Pick<Facts, "streams" | "consumers" | "unread">> {
  const streams = new Map<string, StreamInfo>(), consumers: ConsumerInfo[] = [], unread: string[] = [];
  let streamsRead = 0, consumersRead = 0;
  await Promise.all(names.map(async (name) => {
    try {
      streams.set(name, await jsm.streams.info(name));
      streamsRead++;
    } catch (error) {
      if (!isMissing(error)) return void unread.push(`the stream ${name}: ${(error as Error).message}`);
      streamsRead++;
      return void consumersRead++;
    }
    try {
      for await (const one of jsm.consumers.list(name)) consumers.push(one);
      consumersRead++;
    } catch (error) {
      unread.push(`the consumers of ${name}: ${(error as Error).message}`);
    }
  }));
  return {
    streams: streamsRead > 0 ? { value: streams } : { unknown: "no stream could be read" },
    consumers: consumersRead > 0 ? { value: consumers } : { unknown: "no consumers could be read" },
    unread: unread.sort(),
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JETSTREAM_CODES.streamNotFound;
}
