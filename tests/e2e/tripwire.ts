/**
 * A message that a process publishes. The process ends `before` the message reaches the server, or `after` and before
 * it receives the response. With `during` neither ends, and the message is delayed until the act is done.
 */
export interface TripPoint {
  /** Regular expression of the subject. */
  readonly subject: string;
  /** Beginning of the payload. @default "" */
  readonly payload?: string;
  readonly when: "before" | "during" | "after";
}

/** A proxy between a process and its nats-server that acts when the process publishes a certain message. */
export interface Tripwire extends AsyncDisposable {
  /** URL that the process connects to. */
  readonly url: string;
  /** Resolves once the act is done. */
  readonly tripped: Promise<void>;
}

/**
 * Forwards to a port on this machine until the process publishes the message of the point. With `before` no byte of the
 * message is forwarded, with `after` all of it and no response: the state that a crash at this point leaves. With
 * `during` it is forwarded, and everything that follows, once the act is done.
 *
 * @param act Called once. With `before` and `after` it must end the process.
 */
export function startTripwire(port: number, { subject, payload = "", when }: TripPoint, act: () => unknown): Tripwire {
  const escaped = payload.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const point = new RegExp(`H?PUB ${subject} (?:\\S+ )?(?:\\d+ )?(\\d+)\\r\\n${escaped}`);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const tripped = Promise.withResolvers<void>();
  let discards = false, armed = true;

  const trip = async () => {
    armed = false;
    discards = when !== "during";
    try {
      await act();
      tripped.resolve();
    } catch (error) {
      tripped.reject(error);
    }
  };
  const toServer = async (client: Deno.Conn, server: Deno.Conn, answersEnd: Promise<void>) => {
    let rest = new Uint8Array();
    for await (const chunk of client.readable) {
      if (discards) return;
      const bytes = new Uint8Array([...rest, ...chunk]);
      const match = armed && point.exec(LATIN1.decode(bytes));
      if (!match) {
        const complete = bytes.lastIndexOf(10) + 1; // an incomplete control line is matched with the next chunk
        const until = bytes.length - complete < LINE_LIMIT ? complete : bytes.length;
        await write(server, bytes.subarray(0, until));
        rest = bytes.slice(until);
        continue;
      }
      if (when === "before") {
        await write(server, bytes.subarray(0, match.index));
        return await trip();
      }
      if (when === "during") {
        await trip();
        await write(server, bytes);
        rest = new Uint8Array();
        continue;
      }
      discards = true;
      const head = match[0].length - payload.length, end = match.index + head + Number(match[1]) + 2;
      if (bytes.length < end) return tripped.reject(new Error("the message came in pieces: it is too large for this"));
      await write(server, bytes.subarray(0, end));
      await server.closeWrite();
      await trip();
      return await answersEnd; // closing with unread responses could make the server drop the message
    }
  };
  const toClient = async (server: Deno.Conn, client: Deno.Conn) => {
    for await (const chunk of server.readable) if (!discards) await write(client, chunk);
  };
  const forward = async (client: Deno.Conn) => {
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    for (const end of [client, server]) open.add(end);
    const close = () => {
      for (const end of [client, server]) if (open.delete(end)) closeQuietly(end);
    };
    const answersEnd = toClient(server, client).catch(() => {}).finally(close);
    await Promise.all([answersEnd, toServer(client, server, answersEnd).catch(() => {}).finally(close)]);
  };
  const forwarding: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const client of listener) forwarding.push(forward(client));
  })();
  return {
    url: `nats://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    tripped: tripped.promise,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting;
      for (const end of open) closeQuietly(end);
      await Promise.all(forwarding);
    },
  };
}

const LATIN1 = new TextDecoder("latin1");
/** Maximum length of a control line in bytes. Longer data without an end of line is payload. */
const LINE_LIMIT = 4_096;

async function write(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}

function closeQuietly(end: Deno.Conn): void {
  try {
    end.close();
  } catch {
    // closed by its stream
  }
}
