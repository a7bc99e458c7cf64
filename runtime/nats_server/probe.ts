/** Fields of a server's INFO message, by NATS's own names. */
export interface ServerInfo {
  readonly server_id: string;
  readonly server_name: string;
  readonly version: string;
  readonly cluster?: string;
  /** Addresses of the servers of its cluster, as `host:port`. */
  readonly connect_urls?: readonly string[];
  readonly jetstream?: boolean;
  readonly auth_required?: boolean;
  readonly tls_required?: boolean;
  readonly max_payload: number;
}

/**
 * Connects to a NATS server and returns its INFO message, which every server sends first.
 *
 * @throws {Error} when no NATS server answers at that address.
 */
export async function readInfo(hostname: string, port: number): Promise<ServerInfo> {
  using connection = await Deno.connect({ hostname, port });
  const { info, said } = await readGreeting(connection);
  if (info) return info;
  const got = JSON.stringify(said.slice(0, 80));
  throw new Error(`${hostname}:${port} is not a NATS server: it sent ${got} instead of INFO`);
}

/** Reads the first line of a connection: its text, and the INFO message if a NATS server sent it. */
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
