import { type Route, route } from "../router.ts";

const HEADERS = { "content-type": "text/plain; version=0.0.4; charset=utf-8", "cache-control": "no-store" };

/** Returns `/metrics`. @param page returns the metrics in the text format of Prometheus */
export function metricsRoutes(page: () => Promise<string>): Route[] {
  return [route("GET", "/metrics", async () => new Response(await page(), { headers: HEADERS }))];
}
