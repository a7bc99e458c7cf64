/** A value in OTLP/JSON. */
export interface OtlpValue {
  stringValue?: string;
  intValue?: number | string;
  doubleValue?: number;
  boolValue?: boolean;
}
export interface OtlpAttribute {
  key: string;
  value: OtlpValue;
}
export interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  status: { code?: number; message?: string };
  attributes: OtlpAttribute[];
  events?: { name: string; attributes?: OtlpAttribute[] }[];
  links?: { traceId: string; spanId: string; attributes?: OtlpAttribute[] }[];
}
export interface OtlpLogRecord {
  traceId?: string;
  spanId?: string;
  severityText: string;
  severityNumber: number;
  body: OtlpValue;
  attributes: OtlpAttribute[];
}
export interface OtlpMetric {
  name: string;
  unit: string;
}
interface OtlpExport {
  resourceSpans?: {
    resource: { attributes: OtlpAttribute[] };
    scopeSpans: { scope: { name: string }; spans: OtlpSpan[] }[];
  }[];
  resourceLogs?: {
    resource: { attributes: OtlpAttribute[] };
    scopeLogs: { logRecords: OtlpLogRecord[] }[];
  }[];
  resourceMetrics?: {
    resource: { attributes: OtlpAttribute[] };
    scopeMetrics: { metrics: OtlpMetric[] }[];
  }[];
}

/** Starts an OpenTelemetry collector that accepts traces, logs and metrics as OTLP/JSON. */
export function startCollector(answer: () => Promise<Response> = () => Promise.resolve(Response.json({}))) {
  const exports: OtlpExport[] = [];
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    requests.push(`${request.method} ${new URL(request.url).pathname} ${request.headers.get("content-type")}`);
    exports.push(await request.json());
    return await answer();
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    exports,
    requests,
    spans: () =>
      exports.flatMap(({ resourceSpans = [] }) => resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans))),
    logs: () =>
      exports.flatMap(({ resourceLogs = [] }) => resourceLogs.flatMap((r) => r.scopeLogs.flatMap((s) => s.logRecords))),
    metrics: () =>
      exports.flatMap(({ resourceMetrics = [] }) =>
        resourceMetrics.flatMap((r) => r.scopeMetrics.flatMap((s) => s.metrics))
      ),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Returns the value of an attribute as text. */
export function attribute(attributes: OtlpAttribute[] = [], key: string): string | undefined {
  const value = attributes.find((one) => one.key === key)?.value;
  return value === undefined ? undefined : String(plain(value));
}

/** Returns attributes by key. */
export function attributesOf(attributes: OtlpAttribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain(value: OtlpValue): unknown {
  const { stringValue, intValue, doubleValue, boolValue } = value;
  if (intValue !== undefined) return Number(intValue);
  return stringValue ?? doubleValue ?? boolValue ?? JSON.stringify(value);
}
