/** Runs Prometheus with the configuration of `deploy/`, and queries it. */
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { DEPLOY } from "./views_files.ts";

/** One series of a query's result. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [atS: number, value: string];
}

/** A rule that Prometheus has loaded and evaluated. */
export interface LoadedRule {
  readonly name: string;
  readonly query: string;
  readonly health: string;
  readonly lastError?: string;
  readonly state: string;
}

/** Seconds between two scrapes: with the usual fifteen a run of a minute would have four points. */
export const SCRAPE_S = 2;

/** Starts Prometheus in a temporary folder. Only target and intervals differ from `deploy/prometheus/`. */
export async function startPrometheus(prometheus: string, admin: string) {
  const folder = await Deno.makeTempDir({ prefix: "weir-prometheus-" });
  const config = await Deno.readTextFile(`${DEPLOY}prometheus/prometheus.yml`);
  const targets = `static_configs: [{ targets: ["${new URL(admin).host}"] }]`;
  const own = config.replace(/^ {4}dns_sd_configs: .*$/m, `    ${targets}`).replaceAll(": 15s", `: ${SCRAPE_S}s`);
  if (own.includes("dns_sd_configs") || own.includes("15s")) {
    throw new Error("prometheus.yml has other targets or another interval");
  }
  await Deno.writeTextFile(`${folder}/prometheus.yml`, own);
  await Deno.copyFile(`${DEPLOY}prometheus/rules.yml`, `${folder}/rules.yml`);
  const { PORT } = freePorts("PORT"), url = `http://127.0.0.1:${PORT}`;
  const child = new Deno.Command(prometheus, {
    args: [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${PORT}`,
      "--log.level=error",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const get = async (path: string) => {
    const response = await fetch(`${url}/api/v1/${path}`);
    const answer = await response.json();
    if (answer.status !== "success") throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  };
  const end = async () => {
    child.kill("SIGTERM");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  };
  const query = async (expr: string): Promise<Series[]> =>
    (await get(`query?query=${encodeURIComponent(expr)}`)).result;
  try {
    await eventually(async () => (await query("up == 1")).length > 0);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    url,
    query,
    rules: async (): Promise<LoadedRule[]> =>
      (await get("rules")).groups.flatMap(({ rules }: { rules: LoadedRule[] }) => rules),
    [Symbol.asyncDispose]: end,
  };
}
