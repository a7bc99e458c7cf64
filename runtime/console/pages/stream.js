/** Silence after which a stream counts as lost. The server sends something each second. */
const SILENT_MS = 6_000;
/** Time after which a stream that the server ended is asked for again. */
const RETRY_MS = 2_000;

/**
 * Listens to server-sent events. While the tab is hidden the stream is closed: a browser has six connections to one
 * server, for all tabs. A stream that ends or falls silent is opened again.
 *
 * @param {string} path Below `/console/api/`
 * @param {Record<string, (data: any) => void>} handlers By the name of the event
 * @param {(open: boolean) => void} onState Told whether the stream works
 * @returns {() => void} Closes it
 */
export function listen(path, handlers, onState) {
  let source, silence, retry;
  const lost = () => {
    onState(false);
    shut();
    retry = setTimeout(open, RETRY_MS);
  };
  const alive = () => {
    clearTimeout(silence);
    silence = setTimeout(lost, SILENT_MS);
  };
  const shut = () => {
    clearTimeout(silence);
    clearTimeout(retry);
    source?.close();
    source = undefined;
  };
  const open = () => {
    shut();
    if (document.hidden) return;
    source = new EventSource(`/console/api/${path}`);
    source.onerror = lost;
    source.onopen = () => {
      alive();
      onState(true);
    };
    source.addEventListener("alive", alive);
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, ({ data }) => {
        alive();
        onState(true);
        handle(JSON.parse(data));
      });
    }
  };
  const onVisible = () => document.hidden ? shut() : open();
  document.addEventListener("visibilitychange", onVisible);
  open();
  return () => {
    document.removeEventListener("visibilitychange", onVisible);
    shut();
  };
}
