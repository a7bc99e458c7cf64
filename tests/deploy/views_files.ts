/** Reads the expressions of the alerts and of the dashboard in `deploy/`. */
import { fileURLToPath } from "node:url";

/** The folder `deploy/`, with a slash at its end. */
export const DEPLOY: string = fileURLToPath(new URL("../../deploy/", import.meta.url));

/** One rule of `prometheus/rules.yml`. */
export interface Alert {
  readonly name: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: string;
  readonly summary: string;
  readonly description: string;
}

/** One query of the dashboard, with the title of its panel. */
export interface Query {
  readonly place: string;
  readonly expr: string;
}

/** A panel or row of the dashboard. */
export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

/** The fields of `grafana/weir.json` that the tests read. */
export interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}

/**
 * Reads the alerts by the layout of the file, since the tests have no YAML library and promtool is not always
 * available.
 */
export async function readAlerts(): Promise<Alert[]> {
  const text = await Deno.readTextFile(`${DEPLOY}prometheus/rules.yml`);
  return text.split(/^ {6}- alert: /m).slice(1).map((block) => {
    const field = (key: string) => {
      const found = new RegExp(`^ {8,10}${key}: ?(.*(?:\n {10,}(?! *\\w+: ).*)*)`, "m").exec(block)?.[1] ?? "";
      return found.replace(/^>-/, "").replace(/\s+/g, " ").trim().replace(/^"(.*)"$/, "$1");
    };
    return {
      name: block.slice(0, block.indexOf("\n")),
      expr: field("expr"),
      for: field("for"),
      severity: /severity: (\w+)/.exec(field("labels"))?.[1] ?? "",
      summary: field("summary"),
      description: field("description"),
    };
  });
}

export async function readDashboard(): Promise<Dashboard> {
  return JSON.parse(await Deno.readTextFile(`${DEPLOY}grafana/weir.json`));
}

/** Returns the dashboard's queries for all functions and the last `window`. */
export function queriesOf({ panels }: Dashboard, window = "1m"): Query[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, refId }) => ({
      place: `${title} ${refId}`,
      expr: expr.replaceAll("$__rate_interval", window).replaceAll("$function", ".+"),
    }))
  );
}

/** Returns the vector selectors of an expression: metric and labels. */
export function selectorsOf(expr: string): { metric: string; labels: string[]; text: string }[] {
  return [...expr.matchAll(/\b([a-z][a-z0-9]*_[a-z0-9_]+|up)\b(\{[^}]*\})?(?! *\()/g)]
    .filter(([, name]) =>
      !/^(min|max|sum|avg|count|group)_over_time$|^(histogram_quantile|group_left|vector)$/.test(name)
    )
    .filter(([, name, matchers]) => matchers || !isLabel(expr, name))
    .map(([text, metric, matchers = ""]) => ({
      metric,
      labels: [...matchers.matchAll(/(\w+) *(?:=~|!~|!=|=)/g)].map(([, label]) => label),
      text,
    }));
}

/** Returns the labels that an expression groups by. */
export function groupingsOf(expr: string): string[] {
  return [...expr.matchAll(/\b(?:by|ignoring|on|without) *\(([^)]*)\)/g)].flatMap(([, list]) => list.split(/ *, */));
}

/** Returns whether a word is a label in a grouping, such as `http_route`, or in a matcher, and no metric. */
function isLabel(expr: string, name: string): boolean {
  return groupingsOf(expr).includes(name) || new RegExp(`[{,] *${name} *(=|!)`).test(expr);
}
