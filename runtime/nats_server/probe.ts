/** What of a server's greeting is used here; NATS's own names. */
export interface ServerInfo {
  readonly server_id: string;
  readonly server_name: string;
  readonly version: string;
  readonly cluster?: string;
  readonly jetstream?: boolean;
  readonly auth_required?: boolean;
  readonly tls_required?: boolean;
  readonly max_payload: number;
}

/**
 * Connects to a NATS server and returns its greeting, the `INFO {…}` line that every server sends first.
 *
 * This is the proof that it answers: a process that listens may still not.
 */
export async function readInfo(hostname: string, port: number): Promise<ServerInfo> {
  using connection = await Deno.connect({ hostname, port });
  const { info, said } = await readGreeting(connection);
  if (info) return info;
  const got = JSON.stringify(said.slice(0, 80));
  throw new Error(`${hostname}:${port} does not answer as a NATS server: it sent ${got} where INFO was expected`);
}

/** The first line that comes on a connection, and what it says if a NATS server sent it. */
export async function readGreeting(
  connection: Deno.Conn,
): Promise<{ readonly info?: ServerInfo; readonly said: string }> {
  const decoder = new TextDecoder(), buffer = new Uint8Array(4_096);
  let said = "";
  while (!said.includes("\r\n")) {
    const length = await connection.read(buffer);
    if (length === null) break;
    said += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
  const match = /^INFO (\{.*\})\s*\r\n/.exec(said);
  return { info: match ? JSON.parse(match[1]) : undefined, said };
}
