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
  const reader = stream.getReader();
  const stopReading = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stopReading);
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const lines = (rest + decoder.decode(value, { stream: !done })).split("\n");
      rest = done ? "" : lines.pop()!;
      if (done && lines.at(-1) === "") lines.pop();
      for (const line of lines) onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
      if (done) return;
    }
  } finally {
    signal.removeEventListener("abort", stopReading);
    await reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}
