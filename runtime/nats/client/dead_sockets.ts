/**
 * The Node transport of the client may still write to, or be told of, a socket that was closed under it, and by then
 * listens for no error of it: where a login is refused, or a connection cut at a bad moment, that ends the process.
 * Nothing is lost by it, since the connection is gone and the client knows.
 */
const CODES = ["ERR_STREAM_WRITE_AFTER_END", "ECONNRESET", "EPIPE"];

let installed = false;

/** Keeps the last sign of a connection that is gone from ending the process; any other error still does. */
export function surviveDeadSockets(): void {
  if (installed) return;
  installed = true;
  globalThis.addEventListener("error", (event) => {
    const { code, stack } = (event.error ?? {}) as { code?: string; stack?: string };
    // In no code but the client's and Deno's own: an author's socket is the author's to listen to.
    const theirs = stack?.split("\n").some((line) => line.includes("file://") && !line.includes("@nats-io"));
    if (code !== undefined && CODES.includes(code) && !theirs) event.preventDefault();
  });
}
