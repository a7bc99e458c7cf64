import { el } from "./el.js";
import { go } from "./router.js";
import { Store } from "./store.js";
import { nextTheme } from "./theme.js";
import { Dialog } from "./dialog.js";

/** Pages of the console: the key that follows `g`, the name and the path. The last has a count, which moves no other. */
export const PAGES = [
  { key: "f", name: "Flow", path: "/" },
  { key: "n", name: "Functions", path: "/console/functions" },
  { key: "e", name: "Events", path: "/console/events" },
  { key: "p", name: "Publish", path: "/console/publish" },
  { key: "d", name: "Dead letters", path: "/console/dead-letters" },
];

/** Whether the list of keys is shown. */
export const help = new Store(false);

const KEYS = [
  ...PAGES.map(({ key, name }) => ({ keys: ["g", key], does: name })),
  { keys: ["/"], does: "Filter of the page" },
  { keys: ["Space"], does: "Hold the live events, or go on" },
  { keys: ["t"], does: "Theme: auto, light, dark" },
  { keys: ["?"], does: "This list" },
  { keys: ["Esc"], does: "Close" },
];

let afterG = 0;

/** Listens to the keys of the console. They do nothing while a field has the focus. */
export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, textarea, select, dialog")) return;
    const page = Date.now() - afterG < 1_500 && PAGES.find(({ key }) => key === event.key);
    afterG = event.key === "g" ? Date.now() : 0;
    if (page) return go(page.path);
    if (event.key === "t") nextTheme();
    if (event.key === "?") help.set(!help.value);
    if (event.key !== "/") return;
    event.preventDefault();
    /** @type {HTMLElement | null} */ (document.querySelector("[data-filter]"))?.focus();
  });
}

/** The list of keys. */
export function Help() {
  const keys = KEYS.map(({ keys, does }) => [
    el("dt", { key: does }, keys.map((key) => [el("kbd", key), " "])),
    el("dd", does),
  ]);
  return el(Dialog, { title: "Keys", onClose: () => help.set(false) }, el("dl.keys", keys));
}
