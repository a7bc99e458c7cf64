import assert from "node:assert/strict";
import { memoryProblem, workerHeapMiB } from "../../runtime/app/memory_limit.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { copyProject } from "../support/project.ts";

const MIB = 2 ** 20;

const limits: [heap: number, group: number, problem: string | undefined][] = [
  [4_192, 512, "the heap may grow to 4192 MiB, and the kernel kills the process at 512 MiB"],
  [4_192, 4_192, "the heap may grow to 4192 MiB, and the kernel kills the process at 4192 MiB"],
  [268, 512, undefined],
  [384, 512, undefined],
  [4_192, 16_384, undefined],
];
for (const [heap, group, problem] of limits) {
  Deno.test(`memoryProblem of a heap of ${heap} MiB in a group of ${group} MiB is ${problem && "told"}`, () => {
    assert.equal(memoryProblem({ heap: heap * MIB, group: group * MIB }), problem);
  });
}

Deno.test("memoryProblem tells of workers that do not fit into the limit, and not of the supervisor's own heap", () => {
  const limits = { heap: 4_192 * MIB, group: 512 * MIB };
  assert.equal(
    memoryProblem(limits, 8),
    "8 workers need 890 MiB without events, and the kernel kills them at 512 MiB",
  );
  assert.equal(memoryProblem(limits, 4), undefined);
  assert.equal(memoryProblem(undefined, 256), undefined);
});

Deno.test("workerHeapMiB lets the heaps of all workers fit into their common limit", () => {
  assert.equal(workerHeapMiB(undefined, 4), undefined);
  for (const workers of [1, 2, 4, 100]) {
    const heap = workerHeapMiB({ heap: 4_192 * MIB, group: 512 * MIB }, workers)!;
    assert.ok(heap >= 1 && heap * workers <= 512 * 0.75, `${workers} × ${heap} MiB`);
  }
});

/** Creates a memory group of 512 MiB, of either version of control groups. Undefined where the user may not. */
async function memoryGroup(): Promise<{ path: string } & AsyncDisposable | undefined> {
  const name = `weir-test-${crypto.randomUUID()}`;
  for (const [root, file] of [["/sys/fs/cgroup/memory", "memory.limit_in_bytes"], ["/sys/fs/cgroup", "memory.max"]]) {
    const path = `${root}/${name}`;
    if (!await sh(`mkdir ${path}`)) continue;
    const remove = async () => void await sh(`rmdir ${path}`);
    if (await sh(`echo ${512 * MIB} > ${path}/${file}`)) return { path, [Symbol.asyncDispose]: remove };
    await remove();
  }
}

async function sh(script: string): Promise<boolean> {
  return (await new Deno.Command("sh", { args: ["-c", script], stderr: "null" }).output()).success;
}

Deno.test("start in a memory group of 512 MiB warns of a heap that does not fit, and with DENO_USE_CGROUPS it fits", async (t) => {
  await using group = Deno.build.os === "linux" ? await memoryGroup() : undefined;
  if (!group) return;
  await using server = await startServer();
  await using project = await copyProject();
  const run = [
    "run",
    "--quiet",
    "--allow-net",
    "--allow-env",
    "--allow-read",
    "--allow-sys=systemMemoryInfo",
    "--allow-run",
  ];
  for (const [bounded, workers, warned] of [["", "1", true], ["1", "1", false], ["", "2", false]] as const) {
    await t.step(`DENO_USE_CGROUPS=${bounded}, WEIR_WORKERS=${workers}`, async () => {
      await using child = new Deno.Command("sh", {
        args: [
          "-c",
          `echo $$ > ${group.path}/cgroup.procs; exec "$@"`,
          "sh",
          Deno.execPath(),
          ...run,
          "weir/cli",
          "start",
        ],
        cwd: project.path,
        env: {
          ...{ NATS_URL: server.url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", WEIR_WORKERS: workers },
          ...(bounded && { DENO_USE_CGROUPS: bounded }),
        },
        stdout: "piped",
        stderr: "null",
      }).spawn();
      let text = "";
      for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
        if (/"message":"ready"/.test(text += chunk)) break;
      }
      assert.equal(/the heap may grow to \d+ MiB, .* at 512 MiB: set DENO_USE_CGROUPS=1/.test(text), warned, text);
      child.kill("SIGTERM");
      assert.equal((await child.status).code, 0);
    });
  }
});
