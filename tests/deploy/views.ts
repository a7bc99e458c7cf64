/**
 * Checks that every panel and alert of `deploy/` has data. It runs `weir start` under load for a minute, in which the
 * payment service and then NATS are down for a while, and a Prometheus that scrapes it.
 *
 *     deno run -A tests/deploy/views.ts
 *
 * It takes Prometheus from PATH or from Debian, and exits with 1 if a check fails.
 *
 * @module
 */
import { eventually } from "../support/eventually.ts";
import { oldestWaitingS } from "./oldest_waiting.ts";
import { findTools } from "./prometheus.ts";
import { startShop } from "./shop.ts";
import { queriesOf, readAlerts, readDashboard } from "./views_files.ts";
import { startPrometheus } from "./watch.ts";

/** Seconds by which the ages may differ, since the readings take time. */
const TOLERANCE_S = 1;
/** Seconds for which a process may report the same age: it asks the server every five seconds at most. */
const WINDOW_S = 6;

const problems: string[] = [];
const decoder = new TextDecoder();
const pause = (s: number) => new Promise((resolve) => setTimeout(resolve, s * 1_000));

function report(ok: boolean, what: string): void {
  console.log(`${ok ? "ok   " : "WRONG"} ${what}`);
  if (!ok) problems.push(what);
}

/** Returns an expression without its thresholds, so that it has series while the alert does not fire. */
function withoutThresholds(expr: string): string {
  return expr.replace(/^absent\((.*)\)$/, "$1").replace(/(==|>|<) *[\d.]+/g, "> -1e12");
}

async function promtool(path: string, args: string[], input = ""): Promise<{ success: boolean; text: string }> {
  const child = new Deno.Command(path, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  return { success, text: `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trim() };
}

if (import.meta.main) {
  const tools = await findTools(console.log);
  await using shop = await startShop();
  await using prometheus = await startPrometheus(tools.prometheus, shop.admin);
  console.log("Orders come in.");
  await pause(20);

  console.log("The payment service is down.");
  await shop.payment.setMode("down");
  await pause(10);
  // The storage time of the oldest event only increases, so that Prometheus's value lies between two readings from the
  // server. A process may report an old age for some seconds, so that the minimum of a window counts.
  const age = 'weir_function_oldest_waiting_age_seconds{function="capturePayment"}', seen = `timestamp(${age})`;
  const earliest = await oldestWaitingS(shop.jsm, "capturePayment");
  const fromS = Date.now() / 1_000;
  await eventually(async () => Number((await prometheus.query(seen))[0].value[1]) > fromS + 2 * WINDOW_S);
  const query = `min_over_time((${seen} - ${age})[${WINDOW_S}s:1s])`;
  const { text } = await promtool(tools.promtool, ["query", "instant", prometheus.url, query]);
  const latest = await oldestWaitingS(shop.jsm, "capturePayment");
  const reported = Number(/=> ([\d.e+]+) @/.exec(text)?.[1]);
  const nowS = Date.now() / 1_000, ago = (sinceS: number) => `${(nowS - sinceS).toFixed(2)} s ago`;
  report(
    earliest - TOLERANCE_S <= reported && reported <= latest + TOLERANCE_S,
    `the oldest event for capturePayment came ${ago(reported)}; by the server's consumers ${ago(earliest)} to ${
      ago(latest)
    }`,
  );
  await pause(2);
  await shop.payment.setMode("ok");
  console.log("It is up.");
  await pause(6);

  console.log("NATS is down.");
  await shop.server.kill();
  await pause(5);
  await shop.server.restart();
  console.log("It is up.");
  await pause(12);
  console.log("Responses to the customers by status:", shop.answers);

  const page = await (await fetch(`${shop.admin}/metrics`)).text();
  const checked = await promtool(tools.promtool, ["check", "metrics"], page);
  report(checked.success && checked.text === "", `promtool check metrics: ${checked.text || "no remarks"}`);

  for (const { place, expr } of queriesOf(await readDashboard(), "90s")) {
    const series = await prometheus.query(expr);
    const numbers = series.some(({ value }) => value[1] !== "NaN");
    report(numbers, `dashboard, ${place}: ${series.length} series${numbers ? "" : `: ${expr}`}`);
  }
  const loaded = await prometheus.rules();
  for (const { name, expr } of await readAlerts()) {
    const rule = loaded.find((each) => each.name === name);
    report(rule?.health === "ok", `alert ${name} is ${rule?.health}, ${rule?.state} ${rule?.lastError ?? ""}`);
    const bare = withoutThresholds(expr), series = await prometheus.query(bare);
    report(series.length > 0, `alert ${name} has ${series.length} series${series.length ? "" : `: ${bare}`}`);
  }
}
if (problems.length > 0) {
  console.error(`${problems.length} problems`);
  Deno.exitCode = 1;
}
