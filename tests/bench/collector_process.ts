import { benchPath, Helper } from "./process.ts";

/** An OpenTelemetry collector in its own process. */
export interface Collector extends AsyncDisposable {
  /** Returns the variables with which a process exports a ratio of its traces. Undefined: none. */
  environment(ratio: string | undefined): Record<string, string>;
  /** Returns the number of spans received since the last call. */
  takeSpanCount(): Promise<number>;
}

/** Starts `collector.ts`. */
export async function startCollector(): Promise<Collector> {
  const helper = new Helper("the collector", ["--allow-net", benchPath("collector.ts")]);
  const url = await helper.firstLine();
  return {
    environment: (ratio): Record<string, string> =>
      ratio === undefined ? {} : {
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces`,
        OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG: ratio,
      },
    takeSpanCount: async () => Number(await (await fetch(url)).text()),
    [Symbol.asyncDispose]: () => helper[Symbol.asyncDispose](),
  };
}
