import net from "node:net";
import tls from "node:tls";
import { isAlert, type TlsAlert } from "./dead_sockets.ts";
import type { Validity } from "./explain_tls_error.ts";
import type { Identity } from "./credentials.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { withTimeout } from "./with_timeout.ts";

/** Timeout of a connection that only makes a TLS handshake, in milliseconds. */
const PROBE_MS = 2_000;
/** Time in milliseconds in which a server ends a handshake that the client has finished. */
const ALERT_MS = 500;

interface ProbedServer {
  readonly hostname: string;
  readonly port: number;
  /** Whether it begins with a TLS handshake; any other sends its `INFO` first. */
  readonly isFirst: boolean;
}

/**
 * Returns how long the certificate of a server is valid, without trusting it: Deno tells one that has expired and one
 * of an unknown authority by the same code. Undefined if it cannot be read.
 */
export function readServerCertificate(server: ProbedServer): Promise<Validity | undefined> {
  return handshake(server, {}, async (socket) => {
    await on(socket, "secureConnect");
    const { valid_from, valid_to } = socket.getPeerCertificate();
    return { fromMs: Date.parse(valid_from), toMs: Date.parse(valid_to) };
  });
}

/**
 * Returns the alert by which a server refuses a handshake with this certificate, or without one. In TLS 1.3 it comes
 * after the client has finished, and the NATS client then waits for the server until its timeout. Undefined if the
 * server takes the handshake, needs none, or cannot be reached.
 */
export function readAlert(server: ProbedServer, { ca, cert, key }: Identity): Promise<TlsAlert | undefined> {
  return handshake(server, { ca, cert, key }, async (socket) => {
    const refused = new Promise<never>((_, reject) => socket.on("error", reject));
    try {
      await withTimeout(systemClock, PROBE_MS, Promise.race([on(socket, "secureConnect"), refused]));
      await withTimeout(systemClock, ALERT_MS, refused);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      return code !== undefined && isAlert(code) ? { code, message } : undefined;
    }
  });
}

/** Begins a TLS handshake and closes the connection afterwards. Resolves to undefined if anything fails. */
async function handshake<Result>(
  { hostname, port, isFirst }: ProbedServer,
  options: tls.ConnectionOptions,
  use: (socket: tls.TLSSocket) => Promise<Result>,
): Promise<Result | undefined> {
  const sockets: net.Socket[] = [];
  const opened = <Socket extends net.Socket>(socket: Socket): Socket => {
    sockets.push(socket.on("error", () => {})); // also an error after the last one that is waited for
    return socket;
  };
  const plain = opened(net.connect(port, hostname));
  const probe = async () => {
    if (isFirst) await on(plain, "connect");
    else if (!/"tls_(required|available)":true/.test(String(await on(plain, "data")))) return undefined;
    return await use(opened(tls.connect({ ...options, socket: plain, rejectUnauthorized: false })));
  };
  try {
    return await withTimeout(systemClock, PROBE_MS, probe());
  } catch {
    return undefined; // the first error says enough
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

function on(socket: net.Socket, event: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once("error", reject);
  });
}
