import { el, render, useEffect } from "./el.js";
import { readSession, session } from "./api.js";
import { listenToKeys } from "./keyboard.js";
import { startLive, stopLive } from "./live.js";
import { Empty, Loading } from "./parts.js";
import { address } from "./router.js";
import { Shell } from "./shell.js";
import { SignIn } from "./sign_in.js";
import { useStore } from "./store.js";
import { applyTheme } from "./theme.js";
import { lazy } from "./lazy.js";

/** Time after the first page until the code of the others is fetched, so that they come at once, also without a runtime. */
const PRELOAD_MS = 1_500;
/**
 * Pages by the pattern of their path. A page's code is fetched when it is first shown.
 *
 * @type {[pattern: RegExp, page: { Page: Function, title: string, preload: () => Promise<unknown> }, wide?: boolean][]}
 */
const ROUTES = [
  [/^\/(?:console\/?)?$/, lazy(() => import("./flow_page.js"), "Flow"), true],
  [/^\/console\/functions\/?$/, lazy(() => import("./functions_page.js"), "Functions")],
  [/^\/console\/functions\/([^/]+)$/, lazy(() => import("./function_page.js"), "Function")],
  [/^\/console\/events\/?$/, lazy(() => import("./events_page.js"), "Events")],
  [/^\/console\/events\/([^/]+)\/(\d+)$/, lazy(() => import("./event_page.js"), "Event")],
  [/^\/console\/dead-letters\/?$/, lazy(() => import("./dead_letters_page.js"), "Dead letters")],
  [/^\/console\/dead-letters\/(\d+)$/, lazy(() => import("./dead_letter_page.js"), "Dead letter")],
  [/^\/console\/publish(?:\/([^/]+))?$/, lazy(() => import("./publish_page.js"), "Publish")],
];

function App() {
  const { path } = useStore(address);
  const state = useStore(session);
  const open = state && (state.access === "full" || state.access === "read-only");
  useEffect(() => open ? startLive() : stopLive(), [open]);
  if (!state) return el(Shell, el(Loading));
  if (!open) return el(Shell, { title: "Sign in" }, el(SignIn, { session: state }));
  for (const [pattern, page, wide] of ROUTES) {
    const match = pattern.exec(path);
    if (!match) continue;
    const parts = match.slice(1).map((part) => part === undefined ? undefined : decodeURIComponent(part));
    const title = [...parts].reverse().filter((part) => part !== undefined).join(" of ");
    return el(
      Shell,
      { title: title ? `${title} · ${page.title}` : page.title, wide },
      el(page.Page, { key: path, parts }),
    );
  }
  return el(
    Shell,
    { title: "Not found" },
    el("div.head", el("h1", "Not found")),
    el(Empty, { title: "No such page" }, "The console has no page at this address."),
  );
}

applyTheme();
listenToKeys();
void readSession();
render(el(App), document.getElementById("app"));
setTimeout(() => ROUTES.forEach(([, page]) => void page.preload()), PRELOAD_MS);
