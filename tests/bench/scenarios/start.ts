import { preload } from "../backlog.ts";
import type { Task } from "../contestants/task.ts";
import { STREAM } from "../order.ts";
import { benchPath, Helper, residentBytesOf } from "../process.ts";
import { benchProject, startWeir } from "../project.ts";
import { interleave, ratioOf, spreadOf, spreadOfAll } from "../rounds.ts";
import type { Aim, Scenario, Setting } from "../scenario.ts";

/** Pause before memory is measured, in which the garbage of the start is collected. */
const SETTLE_MS = 500;

interface Started {
  readonly ms: number;
  readonly residentBytes: number | undefined;
}

/** Measures the start of a process until it is ready, with a running nats-server. */
export const start: Scenario = {
  name: "start",
  about: "from the process's start to ready, and what it then holds in memory",
  run: async (setting) => {
    await using project = await benchProject();
    const { server, collector, rounds, progress } = setting, traced = collector.environment("0.1");
    await preload(setting.nc, 0);
    const turns = [
      { name: "bare loop", run: () => started(() => contestant(setting, "bare", {})) },
      { name: "careful loop", run: () => started(() => contestant(setting, "careful", traced)) },
      { name: "Weir", run: () => started(() => startWeir(project.path, server.url)) },
      { name: "Weir, traced", run: () => started(() => startWeir(project.path, server.url, traced)) },
    ];
    progress("once each, to compile what is compiled once");
    for (const { run } of turns) await run();
    const results = await interleave(rounds, turns, progress);
    const ms = (name: string) => results.get(name)!.map((one) => one.ms);
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
        figures: { "ready ms": spreadOf(ms(name)), "resident MB": resident(name) },
      })),
      ratios: [
        {
          what: "time to ready: Weir / bare loop",
          value: ratioOf(ms("Weir"), ms("bare loop")),
          bar: { kind: "at most", limit: 1.5 },
        },
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
  const ms = performance.now() - beganMs;
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return { ms, residentBytes: await residentBytesOf(helper.pid) };
}
