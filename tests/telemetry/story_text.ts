import { attributesOf, type OtlpSpan } from "../support/collector.ts";

const KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];

/**
 * Formats spans as a tree, in the order of their start: name, kind, status, links, events and attributes. Ids are
 * replaced by ordinals, and ports and stacks left out, so that the text is the same for each run.
 */
export function storyText(spans: readonly OtlpSpan[]): string {
  const inOrder = spans.toSorted((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)));
  const known = new Set(spans.map(({ spanId }) => spanId));
  const roots = inOrder.filter(({ parentSpanId }) => !parentSpanId || !known.has(parentSpanId));
  const childrenOf = (spanId: string) => inOrder.filter(({ parentSpanId }) => parentSpanId === spanId);
  const ordinals = new Map<string, number>();
  const number = ({ spanId }: OtlpSpan) => {
    ordinals.set(spanId, ordinals.size + 1);
    childrenOf(spanId).forEach(number);
  };
  roots.forEach(number);
  const ordinal = (spanId: string) => ordinals.has(spanId) ? `span ${ordinals.get(spanId)}` : "a span elsewhere";
  const lines: string[] = [];
  const write = (span: OtlpSpan, indent: string) => {
    const { spanId, name, kind, status } = span;
    const failed = status.code === 2 ? `, error${status.message ? `: ${status.message}` : ""}` : "";
    lines.push(`${indent}${name} (${KINDS[kind]}, ${ordinal(spanId)}${failed})`);
    for (const link of span.links ?? []) {
      lines.push(`${indent}    link to ${ordinal(link.spanId)} ${fields(attributesOf(link.attributes))}`);
    }
    for (const [key, value] of Object.entries(attributesOf(span.attributes)).sort()) {
      lines.push(`${indent}    ${key} = ${shown(value)}`);
    }
    for (const event of span.events ?? []) {
      lines.push(`${indent}    * ${event.name} ${fields(attributesOf(event.attributes))}`);
    }
    for (const child of childrenOf(spanId)) write(child, `${indent}  `);
  };
  for (const root of roots) {
    lines.push(root.parentSpanId ? "below a span elsewhere:" : "a root:");
    write(root, "  ");
  }
  return lines.join("\n") + "\n";
}

function fields(attributes: Record<string, unknown>): string {
  return Object.entries(attributes).filter(([key]) => key !== "exception.stacktrace").sort()
    .map(([key, value]) => `${key}=${shown(value)}`).join(" ");
}

function shown(value: unknown): string {
  return String(value).replace(/127\.0\.0\.1:\d+/, "127.0.0.1:PORT").replace(/^\d{5}$/, "PORT");
}
