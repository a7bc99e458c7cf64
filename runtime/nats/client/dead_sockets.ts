/**
 * Errors of sockets that were closed under the client's Node transport. Without a listener they end the process, as
 * after a refused login, although the client knows that the connection is lost.
 */
const DEAD_SOCKET = ["ERR_STREAM_WRITE_AFTER_END", "ECONNRESET", "EPIPE", "EPERM"];
/** Codes of an alert by which a server ends a TLS handshake. In TLS 1.3 it judges the client's after the client's own part. */
const ALERT = /^ERR_SSL_.*ALERT/;

/** A fatal alert of TLS that a server sent. */
export interface TlsAlert {
  readonly code: string;
  readonly message: string;
}

let installed = false;
let last: { readonly alert: TlsAlert; readonly atMs: number } | undefined;

/** Keeps such an error from ending the process. Any other error still does. */
export function surviveDeadSockets(): void {
  if (installed) return;
  installed = true;
  globalThis.addEventListener("error", (event) => {
    const { code, message = "", stack } = (event.error ?? {}) as { code?: string; message?: string; stack?: string };
    // An error with the author's code in its stack is of the author's own socket.
    const ofAuthor = stack?.split("\n").some((line) => line.includes("file://") && !line.includes("@nats-io"));
    if (code === undefined || ofAuthor) return;
    if (isAlert(code)) last = { alert: { code, message }, atMs: performance.now() };
    else if (!DEAD_SOCKET.includes(code)) return;
    event.preventDefault();
  });
}

/** Returns whether an error's code is that of a TLS alert. */
export function isAlert(code: unknown): boolean {
  return typeof code === "string" && ALERT.test(code);
}

/** Returns the last alert since a time by `performance.now()`: the client takes such a server for one that is silent. */
export function alertSince(atMs: number): TlsAlert | undefined {
  return last && last.atMs >= atMs ? last.alert : undefined;
}
