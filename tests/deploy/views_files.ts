/** Reads what `deploy/` asks of Prometheus: the expressions of the alerts and of the dashboard. */
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

/** One query of the dashboard, and where it is. */
export interface Query {
  readonly place: string;
  readonly expr: string;
}

/** What a panel, a row or an annotation of the dashboard is known by here. */
export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

/** `grafana/weir.json`, as far as it is looked at. */
export interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}

/**
 * The alerts, by the way the file is written: no library reads YAML here, and promtool, which checks it as such, cannot
 * be had everywhere.
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

/** The dashboard's queries, as Prometheus would be asked them for all functions and the last `window`. */
export function queriesOf({ panels }: Dashboard, window = "1m"): Query[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, refId }) => ({
      place: `${title} ${refId}`,
      expr: expr.replaceAll("$__rate_interval", window).replaceAll("$function", ".+"),
    }))
  );
}

/** The vector selectors of an expression: a metric and the labels it is chosen by. */
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

/** The labels an expression groups by. */
export function groupingsOf(expr: string): string[] {
  return [...expr.matchAll(/\b(?:by|ignoring|on|without) *\(([^)]*)\)/g)].flatMap(([, list]) => list.split(/ *, */));
}

/** Whether a word that might be a metric's is a label in a grouping, such as `http_route`, or inside of matchers. */
function isLabel(expr: string, name: string): boolean {
  return groupingsOf(expr).includes(name) || new RegExp(`[{,] *${name} *(=|!)`).test(expr);
}
