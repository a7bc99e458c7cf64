import net from "node:net";
import tls from "node:tls";
import type { Validity } from "./explain_tls_error.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { withTimeout } from "./with_timeout.ts";

/** Timeout of a connection that only reads a certificate, in milliseconds. */
const READ_MS = 2_000;

/**
 * Returns how long the certificate of a server is valid, without trusting it: Deno tells one that has expired and one
 * of an unknown authority by the same code. Undefined if it cannot be read.
 *
 * @param isFirst True for a server that begins with a TLS handshake; any other sends its `INFO` first.
 */
export async function readServerCertificate(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  isFirst: boolean,
): Promise<Validity | undefined> {
  const plain = net.connect(port, hostname), sockets: net.Socket[] = [plain];
  try {
    return await withTimeout(
      systemClock,
      READ_MS,
      (async () => {
        await on(plain, isFirst ? "connect" : "data");
        const socket = tls.connect({ socket: plain, rejectUnauthorized: false });
        sockets.push(socket);
        await on(socket, "secureConnect");
        const { valid_from, valid_to } = socket.getPeerCertificate();
        return { fromMs: Date.parse(valid_from), toMs: Date.parse(valid_to) };
      })(),
    );
  } catch {
    return undefined; // the first error says enough
  } finally {
    for (const socket of sockets) {
      socket.on("error", () => {});
      socket.destroy();
    }
  }
}

function on(socket: net.Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once("error", reject);
  });
}
