/**
 * Writes the pictures of the console in `runtime/console/images/`: `deno run -A tests/console/screenshots.ts [FOLDER]`.
 * The example's order flow runs in `dev`, with orders that come all the time and receipts that sometimes fail.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "playwright-core";
import { findChromium } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { startBroker } from "../support/nats.ts";
import { freePorts } from "../support/ports.ts";
import { copyProject } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const FOLDER = fileURLToPath(new URL("../../runtime/console/images/", import.meta.url));
/** Milliseconds for which orders come before the pictures are taken, so that the charts have a history. */
const LOAD_MS = Number(Deno.env.get("WEIR_LOAD_MS") ?? 90_000);
const PERIOD_MS = 100;
/** Number of orders among which one is above the credit limit. */
const DECLINED = 12;
const SIZE = { width: 1_240, height: 640 }, FLAT = { width: 1_240, height: 400 };

const SEND_RECEIPT = `
import { defineFunction, NonRetryableError } from "weir";
import { OrderConfirmed } from "../schemas/orders.ts";

/** Sends a receipt. */
export default defineFunction({ on: OrderConfirmed, retry: { attempts: 3, initial: "200ms" } }, async ({ data }, ctx) => {
  const n = Number(data.orderId.split("-")[1]);
  await new Promise((resolve) => setTimeout(resolve, 4 + n % 13));
  if (n % 17 === 0) throw new NonRetryableError("no address of customer " + data.orderId);
  if (n % 7 === 0 && ctx.attempt === 1) throw new Error("the mail server answered 421");
});
`;

async function sendOrders(url: string, signal: AbortSignal) {
  for (let n = 1; !signal.aborted; n++) {
    const data = {
      orderId: `order-${n}`,
      items: [{ sku: `book-${n % 400}`, quantity: 1 }],
      total: n % DECLINED ? 2_400 : 200_000,
    };
    const response = await fetch(`${url}/orders`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(data),
    });
    await response.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS * (0.6 + 0.4 * Math.sin(n / 60))));
  }
}

async function takePictures(page: Page, folder: string) {
  const picture = (name: string) => page.screenshot({ path: `${folder}/${name}.png` });
  await page.setViewportSize(FLAT);
  await page.goto("/");
  await page.locator(".edge.flows").nth(6).waitFor();
  await page.waitForTimeout(3_000);
  await picture("flow");
  await page.setViewportSize(SIZE);
  await page.goto("/console/functions/sendReceipt");
  await page.locator(".plot canvas").nth(3).waitFor();
  await page.waitForTimeout(3_000);
  await picture("function");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.goto(await retriedEvent(page));
  await page.locator(".journey li").nth(4).waitFor();
  await picture("event");
}

/** Returns the page of an order whose receipt failed at first, and was sent then. */
async function retriedEvent(page: Page): Promise<string> {
  const url = new URL(page.url());
  const ask = async (path: string) => await (await fetch(`${url.origin}/console/api/${path}`)).json();
  return await eventually(async () => {
    const { events } = await ask("events/recent?type=orders.created&limit=100");
    for (const { stream, sequence } of events) {
      const { journey } = await ask(`events/${stream}/${sequence}`);
      const receipts = journey.spans.filter((span: { function: string }) => span.function === "sendReceipt");
      if (receipts.length === 2 && receipts[1].outcome === "ack") return `/console/events/${stream}/${sequence}`;
    }
  });
}

async function main(folder: string) {
  const executablePath = await findChromium();
  if (executablePath === undefined) Deno.exit(1);
  await using broker = await startBroker();
  await using project = await copyProject();
  await Deno.writeTextFile(`${project.path}/functions/sendReceipt.ts`, SEND_RECEIPT);
  const ports = freePorts("PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  const env = { ...ports, NATS_URL: broker.server.url, PAYMENT_URL: `http://127.0.0.1:${ports.PAYMENT_PORT}` };
  await using weir = startWeir(project.path, ["dev", "--no-check"], { ...env, LOG_LEVEL: "warn" });
  await weir.waitForLine(/Weir is up/);
  const stop = new AbortController();
  const orders = sendOrders(`http://127.0.0.1:${ports.PORT}`, stop.signal);
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  const page = await browser.newPage({
    baseURL: `http://127.0.0.1:${ports.ADMIN_PORT}`,
    viewport: SIZE,
    colorScheme: "light",
  });
  await page.goto("/");
  await page.waitForTimeout(LOAD_MS);
  await takePictures(page, folder);
  await browser.close();
  stop.abort();
  await orders;
}

if (import.meta.main) await main(Deno.args[0] ?? FOLDER);
