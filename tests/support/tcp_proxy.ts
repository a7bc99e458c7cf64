/** A proxy between a client and a server that can cut or pause their connections. */
export interface TcpProxy extends AsyncDisposable {
  /** URL that the client connects to. */
  readonly url: string;
  /** Closes every connection. New ones are accepted as before. */
  cut(): void;
  /** Holds all bytes back, in both directions. Connections stay open. */
  pause(): void;
  /** Forwards the bytes that were held back, and all later ones. */
  resume(): void;
}

/** Starts a proxy to a port on this machine. */
export function startTcpProxy(port: number): TcpProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const forwarding = new Set<Promise<unknown>>();

  let gate = Promise.withResolvers<void>();
  gate.resolve();

  const close = (...ends: Deno.Conn[]) => {
    for (const end of ends) if (open.delete(end)) end.close();
  };
  const forward = async (client: Deno.Conn) => {
    open.add(client);
    let server: Deno.Conn;
    try {
      server = await Deno.connect({ hostname: "127.0.0.1", port });
    } catch {
      return close(client); // the server is down: the client's connection ends
    }
    open.add(server);
    if (!open.has(client)) return close(server);
    const opened = () => gate.promise;
    const one = pump(client, server, opened).finally(() => close(client, server));
    const other = pump(server, client, opened).finally(() => close(client, server));
    await Promise.all([one, other]);
  };
  const accepting = (async () => {
    for await (const client of listener) {
      const done: Promise<unknown> = forward(client).finally(() => forwarding.delete(done));
      forwarding.add(done);
    }
  })();

  const cut = () => close(...open);
  return {
    url: `nats://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    cut,
    pause: () => void (gate = Promise.withResolvers()),
    resume: () => gate.resolve(),
    [Symbol.asyncDispose]: async () => {
      gate.resolve();
      listener.close();
      await accepting;
      cut();
      await Promise.all(forwarding);
    },
  };
}

async function pump(from: Deno.Conn, to: Deno.Conn, open: () => Promise<void>): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (let length; (length = await from.read(buffer)) !== null;) {
      await open();
      for (let sent = 0; sent < length;) sent += await to.write(buffer.subarray(sent, length));
    }
  } catch {
    // the connection was cut
  }
}
