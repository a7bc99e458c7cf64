import { Problem, PROBLEM_PAGES } from "./problem.ts";
import { type Route, route } from "./router.ts";

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
  "cache-control": "public, max-age=3600",
};

/** Returns the pages that say what each problem means. They need no key, and are loaded with the first request. */
export function problemRoutes(): Route[] {
  return [
    route("GET", PROBLEM_PAGES, async () => {
      const { problemIndex } = await import("./problem_pages.ts");
      return new Response(problemIndex(), { headers: HEADERS });
    }),
    route("GET", `${PROBLEM_PAGES}/:code`, async (_, { code }) => {
      const { problemPage } = await import("./problem_pages.ts"), page = problemPage(code);
      if (page === undefined) throw new Problem("not-found", `there is no such problem: see ${PROBLEM_PAGES}`);
      return new Response(page, { headers: HEADERS });
    }),
  ];
}
