/** What of a server's greeting is used here; NATS's own names. */
export interface ServerInfo {
  version: string;
  jetstream?: boolean;
}

/**
 * Connects to a NATS server and returns its greeting, the `INFO {…}` line that every server sends first.
 *
 * This is the proof that it answers: a process that listens may still not.
 */
export async function readInfo(hostname: string, port: number): Promise<ServerInfo> {
  using connection = await Deno.connect({ hostname, port });
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.includes("\r\n")) {
    const length = await connection.read(buffer);
    if (length === null) break;
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
  const match = /^INFO (\{.*\})\s*\r\n/.exec(text);
  if (!match) {
    const got = JSON.stringify(text.slice(0, 80));
    throw new Error(
      `${hostname}:${port} does not answer as a NATS server: it sent ${got} where INFO was expected`,
    );
  }
  return JSON.parse(match[1]);
}
