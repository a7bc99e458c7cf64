/** Ids of a span, as another process refers to it. */
interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

/** Formats a span as a W3C `traceparent`. Returns undefined without tracing, whose ids are zeros. */
export function formatTraceparent({ traceId, spanId, traceFlags }: SpanIds): string | undefined {
  if (/^0*$/.test(traceId)) return undefined;
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

/** Parses a W3C `traceparent`. Returns undefined for anything else: any publisher may have written it. */
export function parseTraceparent(text: string | undefined): SpanIds | undefined {
  const match = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text ?? "");
  return match ? { traceId: match[1], spanId: match[2], traceFlags: parseInt(match[3], 16) } : undefined;
}
