import { isOwnModule } from "../../core/own_modules.ts";

/**
 * Error codes of sockets that were closed under the client's Node transport, as after a refused login. Without a
 * listener such an error ends the process, although the client knows that the connection is lost.
 */
const DEAD_SOCKET = ["ERR_STREAM_WRITE_AFTER_END", "ECONNRESET", "EPIPE", "EPERM"];
/**
 * Error codes of an alert by which a server ends a TLS handshake. In TLS 1.3 the server judges the client's certificate
 * after the client has finished its part.
 */
const ALERT = /^ERR_SSL_.*ALERT/;

/** A fatal alert of TLS that a server sent. */
export interface TlsAlert {
  readonly code: string;
  readonly message: string;
}

/** Longest time from the start of a dial to an alert of its server, in milliseconds: the client's timeout. */
const DIAL_MS = 20_000;

let installed = false;
let dialedAtMs = -Infinity;
let last: { readonly alert: TlsAlert; readonly atMs: number } | undefined;

/** Keeps such an error from ending the process. Any other error still does. */
export function surviveDeadSockets(): void {
  if (installed) return;
  installed = true;
  globalThis.addEventListener("error", (event) => {
    const { code, message = "", stack } = (event.error ?? {}) as { code?: string; message?: string; stack?: string };
    if (code === undefined || isOfAuthor(stack)) return;
    if (isDialAlert(code)) last = { alert: { code, message }, atMs: performance.now() };
    else if (!DEAD_SOCKET.includes(code)) return;
    event.preventDefault();
  });
}

/** Returns whether an error has an author's code in its stack: it is of the author's own socket. */
function isOfAuthor(stack = ""): boolean {
  const urls = stack.match(/file:\/\/[^\s()]+/g) ?? [];
  return urls.some((url) => !url.includes("@nats-io") && !isOwnModule(url));
}

/** Notes that a dial begins: its server may end the handshake by an alert. */
export function dialBegins(): void {
  dialedAtMs = performance.now();
}

/** Notes that a server has taken a connection, so that no alert to that dial comes any more. */
export function dialEnds(): void {
  dialedAtMs = -Infinity;
}

/**
 * Returns whether an error's code is that of a TLS alert to a dial. No stack tells such an alert from one to an
 * author's own socket, which is the author's error: the time does.
 */
export function isDialAlert(code: unknown, nowMs = performance.now()): boolean {
  return isAlert(code) && nowMs - dialedAtMs < DIAL_MS;
}

/** Returns whether an error's code is that of a TLS alert. */
export function isAlert(code: unknown): boolean {
  return typeof code === "string" && ALERT.test(code);
}

/**
 * Returns the last alert since a time by `performance.now()`: the client takes such a server for one that is silent.
 */
export function alertSince(atMs: number): TlsAlert | undefined {
  return last && last.atMs >= atMs ? last.alert : undefined;
}
