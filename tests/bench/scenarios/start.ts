import { preload } from "../backlog.ts";
import type { Task } from "../contestants/task.ts";
import { STREAM } from "../order.ts";
import { benchPath, cpuMicrosOf, Helper, residentBytesOf } from "../process.ts";
import { benchProject, denoCache, startWeir } from "../project.ts";
import { interleave, ratioOf, spreadOf, spreadOfAll } from "../rounds.ts";
import type { Aim, Scenario, Setting } from "../scenario.ts";

/** Pause before memory is measured, in which the garbage of the start is collected. */
const SETTLE_MS = 500;
/** Starts before the measurement. The first may end before Deno has stored all of its compiled code. */
const WARM_UPS = 2;

interface Started {
  readonly ms: number;
  /** Its resolution is 10 ms. Undefined without `/proc`. */
  readonly cpuMs: number | undefined;
  readonly residentBytes: number | undefined;
}

/** Measures the start of a process until it is ready, with a running nats-server. */
export const start: Scenario = {
  name: "start",
  about: "from the process's start to ready, and what it then holds in memory",
  run: async (setting) => {
    await using project = await benchProject();
    // V8 refuses code that was compiled with other flags. In one cache the contestants would replace each other's code.
    await using ownFlags = await denoCache();
    await using noFlags = await denoCache();
    const { server, collector, rounds, progress } = setting;
    const loop = { DENO_DIR: noFlags.path }, weir = { DENO_DIR: ownFlags.path }, traced = collector.environment("0.1");
    await preload(setting.nc, 0);
    const turns = [
      { name: "bare loop", run: () => started(() => contestant(setting, "bare", loop)) },
      { name: "careful loop", run: () => started(() => contestant(setting, "careful", { ...traced, ...loop })) },
      { name: "Weir", run: () => started(() => startWeir(project.path, server.url, weir)) },
      { name: "Weir, traced", run: () => started(() => startWeir(project.path, server.url, { ...traced, ...weir })) },
    ];
    progress("before the rounds, to compile what is compiled once");
    for (let n = 0; n < WARM_UPS; n++) for (const { run } of turns) await run();
    const results = await interleave(rounds, turns, progress);
    const ms = (name: string) => results.get(name)!.map((one) => one.ms);
    const cpuMs = (name: string) => results.get(name)!.flatMap((one) => one.cpuMs ?? []);
    const resident = (name: string) =>
      spreadOfAll(results.get(name)!.map(({ residentBytes }) => residentBytes && residentBytes / 1e6));
    const aims = ["Weir", "Weir, traced"].flatMap((name): Aim[] => {
      const memory = resident(name);
      return [
        { what: `${name}: to ready`, unit: "ms", value: spreadOf(ms(name)), bar: { kind: "at most", limit: 250 } },
        ...memory
          ? [{ what: `${name}: resident`, unit: "MB", value: memory, bar: { kind: "at most", limit: 80 } } as const]
          : [],
      ];
    });
    return {
      name: start.name,
      about: "an event, a function, streams and consumers that are there already; the traced ones load the SDK",
      rows: turns.map(({ name }) => ({
        name,
        figures: {
          "ready ms": spreadOf(ms(name)),
          ...(cpuMs(name).length > 0 && { "CPU ms": spreadOf(cpuMs(name)) }),
          "resident MB": resident(name),
        },
      })),
      ratios: [
        {
          what: "time to ready: Weir / bare loop",
          value: ratioOf(ms("Weir"), ms("bare loop")),
          bar: { kind: "at most", limit: 1.5 },
        },
        ...cpuMs("Weir").length > 0
          ? [{ what: "CPU time to ready: Weir / bare loop", value: ratioOf(cpuMs("Weir"), cpuMs("bare loop")) }]
          : [],
        { what: "time to ready: Weir, traced / careful loop", value: ratioOf(ms("Weir, traced"), ms("careful loop")) },
      ],
      aims,
      broken: [],
    };
  },
};

function contestant({ server }: Setting, kind: string, env: Record<string, string>): Helper {
  const functions = [`start_${kind}`];
  const task: Task = { url: server.url, stream: STREAM, functions, events: 1, warmUp: 1, handler: "async" };
  return new Helper(kind, ["-A", benchPath(`contestants/${kind}.ts`), JSON.stringify(task)], { env });
}

async function started(begin: () => Helper): Promise<Started> {
  const beganMs = performance.now();
  await using helper = begin();
  await helper.waitForLine("ready");
  const ms = performance.now() - beganMs, cpuMicros = await cpuMicrosOf(helper.pid);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const cpuMs = cpuMicros === undefined ? undefined : cpuMicros / 1_000;
  return { ms, cpuMs, residentBytes: await residentBytesOf(helper.pid) };
}
