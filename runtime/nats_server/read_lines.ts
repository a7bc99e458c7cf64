/**
 * Calls `onLine` with each line of a stream, without its line end. A last line needs no line end. Resolves when the
 * stream ends.
 *
 * @param signal Stops reading early: a grandchild that inherited the pipe may hold it open after the child has exited.
 */
export async function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const toText = new TextDecoderStream() as TransformStream<Uint8Array, string>;
  let rest = "";
  try {
    for await (const text of stream.pipeThrough(toText, { signal })) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) onLine(line.replace(/\r$/, ""));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (rest !== "") onLine(rest);
}
