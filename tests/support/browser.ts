import assert from "node:assert/strict";
import axe from "axe-core/axe.min.js" with { type: "text" };
import type { Browser, BrowserContext, Page } from "playwright-core";
import { findOnPath } from "../../runtime/nats_server/installed.ts";
import { WITHIN_MS } from "./eventually.ts";

/** Names that distributions give the program. */
const PROGRAMS = ["chromium", "chromium-browser", "google-chrome"];

/** Finds Chromium: `CHROMIUM`, or on `PATH`. Returns undefined, after a warning, if there is none. */
export async function findChromium(): Promise<string | undefined> {
  const named = Deno.env.get("CHROMIUM");
  if (named !== undefined) return named;
  for (const program of PROGRAMS) {
    const path = await findOnPath(program, Deno.env);
    if (path !== undefined) return path;
  }
  console.warn("skipped: there is no Chromium; install Debian's `chromium`, or set CHROMIUM to its path");
  return undefined;
}

/** A browser with one page. `await using` ends it. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** Texts of errors that the page reported: uncaught ones, and those of the console, as of its security policy. */
  readonly errors: readonly string[];
  /** Texts of dialogs that scripts opened. */
  readonly dialogs: readonly string[];
  /** Fails if axe finds a violation on the page. */
  assertAccessible(): Promise<void>;
}

/** Starts a browser and opens a page in it. Motion is reduced, so that a click meets nothing that moves. */
export async function openPage(executablePath: string, baseURL: string): Promise<OpenPage> {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"];
  // Else the package looks for WSL at a path that Deno reads with all permissions alone.
  Deno.env.set("__IS_WSL_TEST__", "1");
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({ executablePath, args, timeout: WITHIN_MS });
  try {
    return await pageOf(browser, await browser.newContext({ baseURL, reducedMotion: "reduce" }));
  } catch (error) {
    await browser.close();
    throw error;
  }
}

async function pageOf(browser: Browser, context: BrowserContext): Promise<OpenPage> {
  context.setDefaultTimeout(WITHIN_MS);
  const page = await context.newPage(), devtools = await context.newCDPSession(page);
  const errors: string[] = [], dialogs: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error.stack)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`${message.text()} ${message.location().url}`);
  });
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  const assertAccessible = async () => {
    // The policy of the page allows no script of a test, so that the developer tools must run it.
    await devtools.send("Runtime.evaluate", { expression: axe });
    const expression = "axe.run().then(({ violations }) => JSON.stringify(violations))";
    const { result } = await devtools.send("Runtime.evaluate", { expression, awaitPromise: true });
    const violations: { id: string; nodes: { html: string }[] }[] = JSON.parse(result.value);
    assert.deepEqual(violations.map(({ id, nodes }) => ({ id, where: nodes.map(({ html }) => html) })), []);
  };
  return { page, errors, dialogs, assertAccessible, [Symbol.asyncDispose]: () => browser.close() };
}
