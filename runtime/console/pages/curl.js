/** Returns a text as one word of a POSIX shell. */
function quoted(text) {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * Returns the command that publishes an event.
 *
 * @param {{ url: string, path?: string, type: string, data: unknown, id?: string, needsKey: boolean }} request
 */
export function curlOf({ url, path, type, data, id, needsKey }) {
  const address = url.replace(/\/$/, "") + (path ?? `/events/${encodeURIComponent(type)}`);
  return [
    `curl -i ${quoted(address)}`,
    "-H 'content-type: application/json'",
    ...(needsKey ? [`-H "authorization: Bearer $WEIR_KEY"`] : []),
    ...(id ? [`-H ${quoted(`idempotency-key: ${id}`)}`] : []),
    `-d ${quoted(JSON.stringify(data))}`,
  ].join(" \\\n  ");
}
