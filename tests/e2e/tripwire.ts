/**
 * A point in the life of a process: a message it publishes. It is to die `before` that reaches the server, or `after`
 * and before it hears of it; or something is to happen `during` it, and both go on.
 */
export interface TripPoint {
  /** The subject, as a regular expression. */
  readonly subject: string;
  /** How the payload begins; anything unless given. */
  readonly payload?: string;
  readonly when: "before" | "during" | "after";
}

/** Stands between a process and its nats-server, and acts when the process publishes a certain message. */
export interface Tripwire extends AsyncDisposable {
  /** Where the process connects to. */
  readonly url: string;
  /** Resolves once that has happened. */
  readonly tripped: Promise<void>;
}

/**
 * Forwards to a port on this machine until the message of the point comes by. Nothing of it is forwarded (`before`),
 * or all of it and no answer (`after`): what a crash at just that moment leaves behind. Or it is forwarded, with all
 * that follows, once the act is done (`during`).
 *
 * @param act is called once; for `before` and `after` it must end the process
 */
export function startTripwire(port: number, { subject, payload = "", when }: TripPoint, act: () => unknown): Tripwire {
  const escaped = payload.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const point = new RegExp(`H?PUB ${subject} (?:\\S+ )?(?:\\d+ )?(\\d+)\\r\\n${escaped}`);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const tripped = Promise.withResolvers<void>();
  let deaf = false, armed = true;

  const trip = async () => {
    armed = false;
    deaf = when !== "during";
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
      if (deaf) return;
      const bytes = new Uint8Array([...rest, ...chunk]);
      const match = armed && point.exec(LATIN1.decode(bytes));
      if (!match) {
        const complete = bytes.lastIndexOf(10) + 1; // a control line that is not whole yet is looked at again
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
      deaf = true;
      const head = match[0].length - payload.length, end = match.index + head + Number(match[1]) + 2;
      if (bytes.length < end) return tripped.reject(new Error("the message came in pieces: it is too large for this"));
      await write(server, bytes.subarray(0, end));
      await server.closeWrite();
      await trip();
      return await answersEnd; // closed with answers unread, the server might not read the message either
    }
  };
  const toClient = async (server: Deno.Conn, client: Deno.Conn) => {
    for await (const chunk of server.readable) if (!deaf) await write(client, chunk);
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
/** No control line of ours is longer; what is longer without an end of line is payload. */
const LINE_LIMIT = 4_096;

async function write(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}

function closeQuietly(end: Deno.Conn): void {
  try {
    end.close();
  } catch {
    // its stream has closed it
  }
}
