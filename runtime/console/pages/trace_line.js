/**
 * Returns the attempts of an event, those that led to it and those that it caused. A trace may have more, such as those
 * of other events of one request.
 */
export function lineOf(spans, event) {
  const byId = new Map(spans.map((span) => [span.id, span])), line = new Set();
  for (let span of spans.filter((span) => isOwn(span, event))) {
    for (; span && !line.has(span.id); span = byId.get(span.parent)) line.add(span.id);
  }
  const caused = new Set(spans.filter((span) => isOwn(span, event)).map(({ id }) => id));
  for (const { id, parent } of spans) if (caused.has(parent)) caused.add(id);
  const shown = spans.filter(({ id }) => line.has(id) || caused.has(id));
  return shown.length > 0 ? shown : spans;
}

/** Returns whether an attempt is one of an event. */
export const isOwn = ({ event }, { stream, sequence }) => event.stream === stream && event.sequence === sequence;

/** Returns how many attempts each span descends from. */
export function depthsOf(spans) {
  const depths = new Map();
  for (const { id, parent } of spans) depths.set(id, depths.has(parent) ? depths.get(parent) + 1 : 0);
  return depths;
}
