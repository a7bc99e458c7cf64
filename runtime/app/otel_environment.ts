import { oneOf } from "../project/startup_problems.ts";

/** One of OpenTelemetry's standard variables: the values that Weir takes, and the words that ask for them. */
interface Variable {
  readonly accepts: (value: string, readFile: ReadFile) => boolean;
  readonly wanted: string;
  /**
   * True if Deno's own OpenTelemetry reads this variable when `OTEL_DENO=true`. Deno takes values that Weir does not,
   * so Weir then refuses none.
   *
   * @default false
   */
  readonly denoReads?: true;
  /** True if the value must appear in no message. @default false */
  readonly isSecret?: true;
}

/** Returns the text of a file. @throws {Error} if it cannot be read */
type ReadFile = (path: string) => string;

/** The signal in the name of an OTLP variable. A name without a signal is for all signals. */
export const OTLP_SIGNALS = ["", "_TRACES", "_METRICS", "_LOGS"];
const SAMPLERS = ["always_on", "always_off", "traceidratio"].flatMap((name) => [name, `parentbased_${name}`]);

const URL_VARIABLE: Variable = {
  accepts: (value) => /^https?:\/\//.test(value) && URL.canParse(value),
  wanted: "a URL such as http://collector:4318",
};
/** Milliseconds, or a count. */
const NUMBER: Variable = { accepts: (value) => /^[1-9]\d*$/.test(value), wanted: "a whole number above zero" };
/** Headers. The SDK would leave out a header that lacks `=` or a value, or that cannot be decoded. */
const HEADERS: Variable = {
  accepts: (value) =>
    value.split(",").every((item) => /^\s*([^=\s][^=]*=\s*\S|$)/.test(item) && decoded(item) !== undefined),
  wanted: "key=value, percent-encoded, several with commas",
  isSecret: true,
};
/**
 * Greatest length of a key or a value of the resource's attributes, in characters. If one attribute is wrong, the SDK
 * leaves out all.
 */
const MAX_ATTRIBUTE = 255;
const ATTRIBUTES: Variable = {
  accepts: (value) => value.split(",").every((item) => item.trim() === "" || isAttribute(item)),
  wanted: `key=value, each percent-encoded and of up to ${MAX_ATTRIBUTE} characters, several with commas`,
};
function isAttribute(item: string): boolean {
  const parts = item.split("=");
  if (parts.length !== 2 || parts[0].trim() === "") return false;
  return parts.every((part) => (decoded(part.trim())?.length ?? Infinity) <= MAX_ATTRIBUTE);
}
/** A file that can be read. If the SDK cannot read it, it connects without it. */
const FILE: Variable = {
  accepts: (value, readFile) => {
    try {
      return readFile(value) !== "";
    } catch {
      return false;
    }
  },
  wanted: "the path of a PEM file that can be read",
};
const UNSUPPORTED: Variable = { accepts: () => false, wanted: "no value, since Weir does not support it" };
const ADMIN: Variable = {
  accepts: () => false,
  wanted: "no value: /metrics is on the admin listener, ADMIN_HOST and ADMIN_PORT",
};

function list(...names: string[]): Variable {
  const isKnown = (item: string) => names.includes(item);
  return {
    accepts: (value) => {
      const items = value.toLowerCase().split(",").map((item) => item.trim());
      return items.every(isKnown) && (items.length === 1 || !items.includes("none"));
    },
    wanted: `${oneOf(names)}, or several with commas`,
  };
}

function only(value: string, others = ""): Variable {
  return { accepts: (given) => given === value, wanted: `${value}${others}` };
}

/**
 * The standard variables of OpenTelemetry that change the telemetry, and the values of each that Weir takes. Other
 * values are refused, since the SDK throws for some without naming the variable, and ignores the rest.
 * `deploy/CONFIGURATION.md` lists the variables.
 */
export const OTEL_VARIABLES: Readonly<Record<string, Variable>> = {
  OTEL_SDK_DISABLED: { accepts: (value) => /^(true|false)$/i.test(value), wanted: "true or false" },
  OTEL_RESOURCE_ATTRIBUTES: ATTRIBUTES,
  OTEL_PROPAGATORS: { ...list("tracecontext", "baggage", "none"), denoReads: true },
  OTEL_TRACES_EXPORTER: { ...list("otlp", "none"), denoReads: true },
  OTEL_METRICS_EXPORTER: list("otlp", "prometheus", "none"),
  OTEL_LOGS_EXPORTER: list("otlp", "console", "none"),
  OTEL_TRACES_SAMPLER: { accepts: (value) => SAMPLERS.includes(value), wanted: oneOf(SAMPLERS) },
  OTEL_TRACES_SAMPLER_ARG: {
    accepts: (value) => Number(value) >= 0 && Number(value) <= 1,
    wanted: "a share from 0 to 1",
  },
  ...each(["ENDPOINT"], URL_VARIABLE),
  ...each(
    ["PROTOCOL"],
    only("http/json", ", the only protocol that is sent (grpc and http/protobuf are not supported)"),
  ),
  ...each(["TIMEOUT"], NUMBER),
  ...each(["COMPRESSION"], { accepts: (value) => /^(gzip|none)$/.test(value), wanted: "gzip or none" }),
  ...each(["HEADERS"], HEADERS),
  ...each(["CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"], FILE),
  OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: only("cumulative", ", the only one that is sent"),
  OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: only(
    "explicit_bucket_histogram",
    ", the only one that is sent",
  ),
  OTEL_METRICS_EXEMPLAR_FILTER: only("always_off", ": there are no exemplars"),
  OTEL_METRIC_EXPORT_INTERVAL: NUMBER,
  OTEL_METRIC_EXPORT_TIMEOUT: NUMBER,
  ...Object.fromEntries(
    ["BSP", "BLRP"].flatMap((of) =>
      ["SCHEDULE_DELAY", "EXPORT_TIMEOUT", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE"]
        .map((what) => [`OTEL_${of}_${what}`, NUMBER])
    ),
  ),
  ...Object.fromEntries(
    ["", "SPAN_", "EVENT_", "LINK_", "LOGRECORD_"].flatMap((of) =>
      ["ATTRIBUTE_VALUE_LENGTH_LIMIT", "ATTRIBUTE_COUNT_LIMIT"].map((what) => [`OTEL_${of}${what}`, UNSUPPORTED])
    ),
  ),
  OTEL_SPAN_EVENT_COUNT_LIMIT: UNSUPPORTED,
  OTEL_SPAN_LINK_COUNT_LIMIT: UNSUPPORTED,
  OTEL_EXPORTER_PROMETHEUS_HOST: ADMIN,
  OTEL_EXPORTER_PROMETHEUS_PORT: ADMIN,
  OTEL_LOG_LEVEL: UNSUPPORTED,
  OTEL_CONFIG_FILE: UNSUPPORTED,
  OTEL_EXPERIMENTAL_CONFIG_FILE: UNSUPPORTED,
};

/** Returns an exporter's settings for all signals and for each of them. */
function each(settings: readonly string[], variable: Variable): Record<string, Variable> {
  const denoReads = { ...variable, denoReads: true } as const;
  return Object.fromEntries(
    settings.flatMap((setting) =>
      OTLP_SIGNALS.map((signal) => [
        `OTEL_EXPORTER_OTLP${signal}_${setting}`,
        signal === "_TRACES" ? denoReads : variable,
      ])
    ),
  );
}

/** Returns the problems of OpenTelemetry's standard variables, one line each. */
export function otelProblems(get: (name: string) => string | undefined, readFile: ReadFile): string[] {
  const deno = get("OTEL_DENO") === "true";
  return Object.entries(OTEL_VARIABLES).flatMap(([name, { accepts, wanted, denoReads = false, isSecret = false }]) => {
    const value = get(name)?.trim();
    if (!value || accepts(value, readFile) || deno && denoReads) return [];
    const shown = isSecret ? "a secret that is not shown" : JSON.stringify(value.replace(/\/\/[^/]*@/, "//…@"));
    return [`${name} is ${shown}; wanted: ${wanted}`];
  });
}

/** Returns a percent-encoded text decoded. Undefined if it cannot be decoded. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
