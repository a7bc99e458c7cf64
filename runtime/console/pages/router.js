import { el } from "./el.js";
import { Store } from "./store.js";

/** The address of the page: its path, and the parameters of its query. */
export const address = new Store(read());

function read() {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

globalThis.addEventListener("popstate", () => address.set(read()));

/**
 * Goes to a path of the console.
 *
 * @param {string} path
 * @param {{ replace?: boolean }} [options] `replace` leaves no entry in the history
 */
export function go(path, { replace = false } = {}) {
  if (path === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", path);
  const former = address.value.path;
  address.set(read());
  if (address.value.path !== former) document.getElementById("page")?.scrollTo(0, 0);
}

/** Sets parameters of the query in place; those that are empty are removed. */
export function setQuery(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  go(location.pathname + (text && `?${text}`), { replace: true });
}

/** A link within the console. A click with a modifier key opens it as any link. */
export function Link({ href, children, ...props }) {
  const onClick = (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go(href);
  };
  return el("a", { ...props, href, onClick }, children);
}

/** Returns a path of the console, with each part encoded. */
export function pathTo(...parts) {
  return `/console/${parts.map((part) => encodeURIComponent(part)).join("/")}`;
}
