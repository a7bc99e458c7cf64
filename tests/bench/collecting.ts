import { beside, Helper } from "./process.ts";

/** A collector in a process of its own. */
export interface Collector extends AsyncDisposable {
  /** What a process needs in its environment to export so much of its traces there; nothing for undefined. */
  environment(ratio: string | undefined): Record<string, string>;
  /** How many spans have come since this was last asked. */
  taken(): Promise<number>;
}

export async function startCollector(): Promise<Collector> {
  const helper = new Helper("the collector", ["--allow-net", beside("collector.ts")]);
  const url = await helper.firstLine();
  return {
    environment: (ratio): Record<string, string> =>
      ratio === undefined ? {} : {
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces`,
        OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG: ratio,
      },
    taken: async () => Number(await (await fetch(url)).text()),
    [Symbol.asyncDispose]: () => helper[Symbol.asyncDispose](),
  };
}
