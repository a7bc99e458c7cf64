/** What names a span to another one, wherever that is. */
interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

/** A span as a W3C `traceparent`; undefined where there is no tracing, which names it with zeros. */
export function formatTraceparent({ traceId, spanId, traceFlags }: SpanIds): string | undefined {
  if (/^0*$/.test(traceId)) return undefined;
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

/** The span that a `traceparent` names; undefined for anything else, since it may be from who knows where. */
export function parseTraceparent(text: string | undefined): SpanIds | undefined {
  const match = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text ?? "");
  return match ? { traceId: match[1], spanId: match[2], traceFlags: parseInt(match[3], 16) } : undefined;
}
