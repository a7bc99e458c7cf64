import { Hono } from "hono";
import { Problem } from "../problem.ts";

const HEADERS = { "content-type": "text/plain; version=0.0.4; charset=utf-8", "cache-control": "no-store" };

/** `/metrics`, as Prometheus reads it. */
export function metricsRoute(page: () => Promise<string>): Hono {
  return new Hono()
    .get("/metrics", async () => new Response(await page(), { headers: HEADERS }))
    .on(["POST", "PUT", "PATCH", "DELETE"], "/metrics", ({ req }) => {
      const detail = `${req.method} is not for /metrics: GET it`;
      return new Problem(405, "Method Not Allowed", detail, { headers: { allow: "GET, HEAD" } }).toResponse();
    });
}
