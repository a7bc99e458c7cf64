import assert from "node:assert/strict";
import { run } from "../../runtime/nats_server/run.ts";
import { DEPLOY } from "./views_files.ts";

const FOLDER = `${DEPLOY}systemd/`, UNIT = "weir@.service";
const unit = await Deno.readTextFile(FOLDER + UNIT);
const hasSystemd = await run("systemd-analyze", ["--version"]).then(() => true, () => false);
if (!hasSystemd) console.warn("tests/deploy: skipped the test of deploy/systemd, which needs systemd-analyze");

Deno.test("weir@.service starts Deno as the image does", async () => {
  const [, entryPoint] = /ENTRYPOINT (\[[^\]]*\])/.exec(await Deno.readTextFile(`${DEPLOY}Dockerfile`))!;
  const image: string[] = JSON.parse(entryPoint.replaceAll("\\\n", "")).slice(3); // after tini, -- and deno
  const [, start] = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(unit)!;
  const words = start.replaceAll("\\\n", " ").split(/\s+/).slice(1);
  assert.deepEqual(
    words.slice(0, image.length),
    image.map((word) => word.replace("=deno", "=/usr/local/bin/deno")),
  );
  assert.equal(words.at(-1), "--no-apply");
});

Deno.test("weir@.service gives handlers 15 seconds more than SHUTDOWN_GRACE", () => {
  const grace = Number(/SHUTDOWN_GRACE=(\d+)s/.exec(unit)![1]);
  assert.equal(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1]), grace + 15);
});

Deno.test({ name: "deploy/systemd has units that systemd takes", ignore: !hasSystemd, fn: verify });

async function verify(): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "weir-units-" });
  try {
    const paths: string[] = [];
    for await (const { name } of Deno.readDir(FOLDER)) {
      if (!/\.(service|target)$/.test(name)) continue;
      // systemd-analyze looks for the program, and wants a template with an instance.
      const text = (await Deno.readTextFile(FOLDER + name)).replaceAll("/usr/local/bin/deno run", "/bin/true run");
      paths.push(`${folder}/${name.replace("@.", "@ingress.")}`);
      for (const to of new Set([name, name.replace("@.", "@ingress.")])) {
        await Deno.writeTextFile(`${folder}/${to}`, text);
      }
    }
    assert.equal(paths.length, 3);
    const { success, stderr } = await new Deno.Command("systemd-analyze", { args: ["verify", ...paths] }).output();
    const text = new TextDecoder().decode(stderr);
    assert.ok(success && !text.includes(folder), text);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
