import { el, useEffect } from "./el.js";
import { post, readSession, session } from "./api.js";
import { count } from "./format.js";
import { Help, help, PAGES } from "./keyboard.js";
import { link, live } from "./live.js";
import { Button, Chip } from "./parts.js";
import { address, Link } from "./router.js";
import { useStore } from "./store.js";
import { nextTheme, theme } from "./theme.js";

const THEME_SIGNS = { auto: "◐", light: "☀", dark: "☾" };

/** The bar above every page, and the page. */
export function Shell({ title, wide = false, children }) {
  const asksForHelp = useStore(help), { path } = useStore(address);
  useEffect(() => {
    // The link that led here may be gone: keys and screen readers go on from the page.
    if (document.activeElement === document.body) document.getElementById("page").focus({ preventScroll: true });
  }, [path]);
  useEffect(() => {
    document.title = title ? `${title} · Weir` : "Weir";
  }, [title]);
  return [
    el("a.skip", { href: "#page" }, "Skip to the page"),
    el(Bar),
    el("main.page", { id: "page", tabIndex: -1, class: wide ? "wide" : "" }, el(Lost), children),
    asksForHelp && el(Help),
  ];
}

function Bar() {
  const { path } = useStore(address);
  const { project, namespace, access, signedIn } = useStore(session) ?? {};
  const shown = useStore(theme), isOpen = access === "full" || access === "read-only";
  return el(
    "header.bar",
    el(
      Link,
      { href: "/", class: "brand" },
      el("img", { src: new URL("./icon.svg", import.meta.url).href, alt: "", width: 20, height: 20 }),
      "Weir",
      project && el("span.muted", namespace && namespace !== project ? `${project} · ${namespace}` : project),
    ),
    isOpen && el("nav.tabs", { "aria-label": "Pages" }, PAGES.map((page) => el(Tab, { key: page.key, page, path }))),
    el(
      "div.end",
      access === "read-only" && el(Chip, { tone: "hold", title: "WEIR_CONSOLE=read-only" }, "Read-only"),
      isOpen && el(LinkState),
      signedIn && el(Button, { kind: "plain", onClick: signOut }, "Sign out"),
      el(Button, {
        kind: "plain icon",
        onClick: nextTheme,
        title: `Theme: ${shown} (t)`,
        "aria-label": `Theme: ${shown}`,
      }, el("span", { "aria-hidden": "true" }, THEME_SIGNS[shown])),
      el(Button, { kind: "plain icon", onClick: () => help.set(true), title: "Keys (?)", "aria-label": "Keys" }, "?"),
    ),
  );
}

async function signOut() {
  await post("sign-out").catch(() => {});
  await readSession();
}

function Tab({ page, path }) {
  const current = page.path === "/" ? path === "/" || path === "/console" : path.startsWith(page.path);
  return el(
    Link,
    { href: page.path, "aria-current": current ? "page" : undefined, title: `${page.name} (g ${page.key})` },
    el("span.label", { "data-text": page.name }, page.name),
    page.key === "d" && el(LetterCount),
  );
}

function LetterCount() {
  const functions = useStore(live)?.functions ?? {};
  const letters = Object.values(functions).reduce((sum, { deadLetters }) => sum + (deadLetters ?? 0), 0);
  return letters > 0 && el(Chip, { tone: "bad", title: "Stored dead letters" }, count(letters));
}

/** Says whether the figures are live, and whether the runtime has NATS. */
function LinkState() {
  const state = useStore(link), nats = useStore(live)?.nats;
  const [tone, text] = state === "waiting"
    ? ["", "Connecting"]
    : state === "lost"
    ? ["bad", "Runtime lost"]
    : nats?.connected === false
    ? ["bad", "NATS lost"]
    : ["ok", "Live"];
  return el("span.link-state", { role: "status", title: nats?.server }, el("span.dot", { class: tone }), text);
}

/** Says from when the figures are, while they cannot be new. */
function Lost() {
  const state = useStore(link), now = useStore(live);
  if (state === "lost") {
    return el(
      "div.banner.bad.lost",
      el("strong", "The runtime does not answer."),
      now ? `The figures are of ${new Date(now.at).toLocaleTimeString()}.` : "",
      " Trying again every two seconds.",
    );
  }
  if (now?.nats?.connected !== false) return null;
  return el("div.banner.warn.lost", el("strong", "The runtime has no connection to NATS."), now.nats.problem);
}
