/**
 * Errors of sockets that were closed under the client's Node transport. Without a listener they end the process, as
 * after a refused login, although the client knows that the connection is lost.
 */
const CODES = ["ERR_STREAM_WRITE_AFTER_END", "ECONNRESET", "EPIPE"];

let installed = false;

/** Keeps such an error from ending the process. Any other error still does. */
export function surviveDeadSockets(): void {
  if (installed) return;
  installed = true;
  globalThis.addEventListener("error", (event) => {
    const { code, stack } = (event.error ?? {}) as { code?: string; stack?: string };
    // An error with the author's code in its stack is of the author's own socket.
    const ofAuthor = stack?.split("\n").some((line) => line.includes("file://") && !line.includes("@nats-io"));
    if (code !== undefined && CODES.includes(code) && !ofAuthor) event.preventDefault();
  });
}
