import { START_OPTIONS } from "../../runtime/cli/init/deno_json.ts";
import { copyProjectWith } from "../support/project.ts";
import { SUBJECT } from "./order.ts";
import { benchPath, Helper } from "./process.ts";

const SCHEMA = `import { defineEvent } from "weir";
import { OrderSchema } from "../order_schema.ts";

export const Ordered = defineEvent({
  type: ${JSON.stringify(SUBJECT)},
  version: 1,
  data: OrderSchema,
  ingress: { route: "/orders" },
});
`;
const FUNCTION = `import { defineFunction } from "weir";
import { Ordered } from "../schemas/bench.ts";

export default defineFunction({ on: Ordered }, () => {});
`;
/** The options of the task `start` in `deno.json`. */
const OPTIONS = [
  ...START_OPTIONS,
  "--allow-net",
  "--allow-env",
  "--allow-read",
];

/** Copies the project to a temporary folder, with one event and one function. */
export async function benchProject(): Promise<{ path: string } & AsyncDisposable> {
  return await copyProjectWith({
    "order_schema.ts": await Deno.readTextFile(benchPath("order_schema.ts")),
    "schemas/bench.ts": SCHEMA,
    "functions/handle.ts": FUNCTION,
  });
}

/** Runs `weir start` in a project. It logs `ready`. */
export function startWeir(project: string, natsUrl: string, env: Record<string, string> = {}): Helper {
  return new Helper("weir start", [...OPTIONS, "weir/cli", "start"], {
    cwd: project,
    env: { NATS_URL: natsUrl, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", LOG_FORMAT: "json", ...env },
    endsBySignal: true,
  });
}

/** Creates a cache for Deno that shares the downloaded packages with its own, and nothing that is compiled. */
export async function denoCache(): Promise<{ path: string } & AsyncDisposable> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  const path = await Deno.makeTempDir({ prefix: "weir-bench-cache-" });
  await Deno.symlink(npmCache, `${path}/npm`);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
