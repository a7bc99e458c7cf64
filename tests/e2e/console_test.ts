import assert from "node:assert/strict";
import { headers } from "@nats-io/transport-node";
import { jetstream } from "@nats-io/jetstream";
import type { Page } from "playwright-core";
import { findChromium, type OpenPage, openPage } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { type Broker, startBroker } from "../support/nats.ts";
import { freePorts } from "../support/ports.ts";
import { copyProject } from "../support/project.ts";
import { startPaymentService } from "../support/project/functions/_dev/payment_service.ts";
import { startWeir } from "../support/weir_process.ts";

/** A text that would run as a script if a page took it for markup. */
const HOSTILE = `<img src=x onerror="alert('run')"><script>alert('run')</script>`;

/** Streams of the project's events. */
const STREAMS = ["ORDERS", "STOCK", "PAYMENTS"];
/** Key of the admin listener. */
const KEY = "console-s3cret";

/** A function that fails for as long as a file exists, with the customer's text in its error. */
const sendReceipt = (flag: string) => `
import { defineFunction, NonRetryableError } from "weir";
import { OrderConfirmed } from "../schemas/orders.ts";

export default defineFunction({ on: OrderConfirmed }, async () => {
  const text = await Deno.readTextFile(${JSON.stringify(flag)}).catch(() => "");
  if (text) throw new NonRetryableError(text);
});
`;

interface Shop extends OpenPage {
  readonly broker: Broker;
  readonly url: string;
  /** Lets the receipts be sent from now on. */
  repair(): Promise<void>;
  /** Posts an order. Returns the position of its event. */
  order(): Promise<{ stream: string; sequence: number }>;
}

async function openShop(chromium: string): Promise<Shop> {
  await using stack = new AsyncDisposableStack();
  const broker = stack.use(await startBroker());
  const project = stack.use(await copyProject());
  const service = stack.use(startPaymentService(0));
  const flag = `${project.path}/failing`;
  await Deno.writeTextFile(flag, `no address ${HOSTILE}`);
  await Deno.writeTextFile(`${project.path}/functions/sendReceipt.ts`, sendReceipt(flag));
  const ports = freePorts("PORT", "ADMIN_PORT");
  const env = {
    ...ports,
    HOST: "127.0.0.1",
    NATS_URL: broker.server.url,
    PAYMENT_URL: service.url,
    WEIR_ADMIN_KEY: KEY,
  };
  const weir = stack.use(startWeir(project.path, ["start"], env));
  await weir.waitForLog(({ message }) => message === "ready");
  const open = stack.use(await openPage(chromium, `http://127.0.0.1:${ports.ADMIN_PORT}`));
  const url = `http://127.0.0.1:${ports.PORT}`, opened = stack.move();
  return {
    ...open,
    broker,
    url,
    repair: () => Deno.remove(flag),
    order: async () => {
      const body = JSON.stringify({
        orderId: crypto.randomUUID(),
        items: [{ sku: "book", quantity: 1 }],
        total: 2_400,
      });
      const response = await fetch(`${url}/orders`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      assert.equal(response.status, 202);
      return await response.json();
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const chromium = await findChromium();

Deno.test({
  name: "GET / serves a console that shows an order flow, and what an operator does in it happens",
  ignore: chromium === undefined,
  fn: async (t) => {
    await using shop = await openShop(chromium!);
    const { page } = shop;
    const step = (name: string, run: (page: Page) => Promise<void>) =>
      t.step({ name, fn: () => run(page), sanitizeOps: false, sanitizeResources: false });
    await step("Sign in refuses another key, and lets the right one in", () => signIn(shop));
    await step("Publish stores an event by its form, and leads to its page", (page) => publish(page));
    await step("Flow shows the rates of functions while orders come", () => flow(shop));
    await step("Functions has the failing one first, and its page shows the error as text", () => failing(shop));
    await step("Dead letters redrives a group after a question, and it is handled", () => redrive(shop));
    await step("Function pauses and resumes on all replicas", () => pause(shop));
    await step("Events shows texts of events as text", () => hostile(shop));
    await step("every page is accessible", () => accessible(shop));
    await step("Sign out leads back to the form", () => signOut(shop));
    assert.deepEqual(shop.dialogs, []);
    const refused = /\/console\/api\/(sign-in|publish|dead-letters\/1)$/; // the browser reports an answer that a test asks for
    assert.deepEqual(shop.errors.filter((error) => !refused.test(error)), []);
  },
});

async function signIn({ page, assertAccessible }: Shop) {
  await page.goto("/console/functions");
  await page.getByLabel("Admin key").fill("another");
  await assertAccessible();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("This is not the key").waitFor();
  await page.getByLabel("Admin key").fill(KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "reserveInventory" }).waitFor();
}

async function signOut({ page }: Shop) {
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Admin key").waitFor();
  assert.equal(await page.getByRole("navigation").count(), 0);
}

async function publish(page: Page) {
  await page.keyboard.press("g");
  await page.keyboard.press("p");
  await page.getByRole("link", { name: "orders.created" }).click();
  await page.getByLabel("orderId").fill("by-form");
  await page.getByLabel("total").fill("-1");
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.locator("#field-total-hint").getByText("expected number to be >=0").waitFor();
  await page.getByLabel("total").fill("2400");
  await page.getByText(`"total":2400`).waitFor();
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByRole("link", { name: "ORDERS 1" }).click();
  await page.getByRole("heading", { name: "orders.created" }).waitFor();
  await page.getByRole("region", { name: "JSON" }).getByText(`"by-form"`).waitFor();
  await eventually(async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    return await page.locator("li", { hasText: "reserveInventory" }).getByText("handled").isVisible();
  });
}

async function flow({ page, order }: Shop) {
  await page.getByRole("link", { name: "Flow" }).click();
  await page.locator("a.function").nth(4).waitFor();
  const ids = await page.locator("a.function .name").allTextContents();
  assert.deepEqual(ids.toSorted(), [
    "capturePayment",
    "confirmOrder",
    "releaseInventory",
    "reserveInventory",
    "sendReceipt",
  ]);
  const last = page.locator("a.function", { hasText: "sendReceipt" });
  await eventually(async () => {
    await order();
    const flows = /^(?!0\/s)[\d.<]+\/s/.test(await last.locator(".figures").first().innerText());
    return flows && await last.getByText("failing").isVisible();
  });
}

async function failing({ page, order }: Shop) {
  await page.getByRole("link", { name: "Functions" }).click();
  const first = page.locator("tbody tr").first();
  await eventually(async () => {
    await order(); // a function that fails no more is not failing
    return await first.getByText("failing").isVisible();
  });
  await first.getByRole("link", { name: "sendReceipt" }).click();
  await page.getByRole("heading", { name: "sendReceipt" }).waitFor();
  await page.locator(".errors").getByText(`no address ${HOSTILE}`).waitFor();
  await page.locator(".plot canvas").nth(3).waitFor();
}

async function redrive({ page, broker: { jsm }, repair }: Shop) {
  await eventually(async () => {
    const infos = (await Promise.all(STREAMS.map((stream) => jsm.consumers.list(stream).next()))).flat();
    return infos.every(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending === 0);
  });
  await repair();
  await page.getByRole("link", { name: "Dead letters" }).click();
  const group = page.getByRole("table", { name: "Groups of one cause" }).locator("tbody tr");
  assert.match(await group.first().innerText(), /sendReceipt[^]*rejected[^]*no address <img/);
  await page.getByRole("table").nth(1).getByRole("link").first().click();
  await page.getByRole("region", { name: "Error" }).getByText(`no address ${HOSTILE}`).waitFor();
  await page.goBack();
  await group.getByRole("button", { name: "Redrive" }).click();
  await page.getByRole("dialog").getByRole("button", { name: /^Redrive \d/ }).click();
  await page.getByRole("status").getByText("Done").waitFor();
  await page.getByRole("heading", { name: "No dead letters" }).waitFor();
}

async function pause({ page, broker: { jsm } }: Shop) {
  const isPaused = async () =>
    (await jsm.consumers.info("PAYMENTS", await durable(jsm, "confirmOrder"))).paused === true;
  await page.goto("/console/functions/confirmOrder");
  await page.getByRole("button", { name: "Pause…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
  await page.locator(".head").getByText("paused").waitFor();
  await eventually(isPaused);
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("button", { name: "Pause…" }).waitFor();
  assert.equal(await isPaused(), false);
}

async function durable(jsm: Broker["jsm"], name: string): Promise<string> {
  for await (const info of jsm.consumers.list("PAYMENTS")) if (info.name.includes(name)) return info.name;
  throw new Error(`no consumer of ${name}`);
}

async function hostile({ page, broker }: Shop) {
  await page.goto("/console/events");
  await page.getByRole("status").getByText("live", { exact: true }).waitFor();
  const hdrs = headers();
  hdrs.set("ce-id", HOSTILE);
  hdrs.set("ce-type", "orders.created");
  hdrs.set("x-note", HOSTILE);
  const data = JSON.stringify({ orderId: HOSTILE });
  const { stream, seq } = await jetstream(broker.nc).publish("orders.created", data, { headers: hdrs });
  await page.locator("tbody").getByText("<img src=x").first().waitFor();
  await page.goto(`/console/events/${stream}/${seq}`);
  await page.locator(".facts").getByText(HOSTILE).first().waitFor();
  await page.locator(".code").getByText("<img src=x").first().waitFor();
  assert.equal(await page.locator("img[src=x], main script").count(), 0);
}

async function accessible({ page, assertAccessible, order }: Shop) {
  const { stream, sequence } = await order();
  await eventually(async () => { // the hostile event is one, soon
    await page.goto("/console/dead-letters");
    await page.locator(".groups, .empty").first().waitFor();
    return await page.locator(".groups").isVisible();
  });
  const letter = (await page.getByRole("table").nth(1).getByRole("link").first().getAttribute("href"))!;
  const paths = [
    ["/", "a.function"],
    ["/console/functions", "tbody tr"],
    ["/console/functions/sendReceipt", ".plot canvas"],
    ["/console/events", "tbody tr"],
    [`/console/events/${stream}/${sequence}`, ".code"],
    ["/console/dead-letters", "tbody tr"],
    ["/console/dead-letters/1", ".empty"],
    [letter, ".code"],
    ["/console/publish/orders.created", "fieldset"],
  ];
  for (const [path, ready] of paths) {
    await page.goto(path);
    await page.locator(ready).first().waitFor();
    await assertAccessible();
  }
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await assertAccessible();
}
