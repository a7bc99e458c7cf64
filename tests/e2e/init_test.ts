import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { run } from "../../runtime/nats_server/run.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { calledIn } from "../support/called_in.ts";
import { freePorts } from "../support/ports.ts";
import { copyFolder } from "../support/project.ts";
import { handlesAnEvent, startHandlesAnEvent, startTask } from "./project_program.ts";

const WEIR = fileURLToPath(new URL("../../runtime", import.meta.url));

async function deno(cwd: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd, env: calledIn(cwd) });
  const { code, stdout, stderr } = await command.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

async function succeeds(cwd: string, ...args: string[]): Promise<string> {
  const { code, out, err } = await deno(cwd, ...args);
  assert.equal(code, 0, `deno ${args.join(" ")}:\n${out}${err}`);
  return out;
}

Deno.test("init creates a project outside Weir's folder that tests, develops, starts, and upgrades by one line", async (t) => {
  // The project is in a folder with the name of Weir's own: nothing may take it for a part of Weir.
  const folder = await Deno.makeTempDir({ prefix: "weir-init-" }), project = `${folder}/runtime/My shop`;
  try {
    await t.step("it has the files of a project, and prints the next commands", async () => {
      const out = await succeeds(folder, "run", "-A", `${WEIR}/cli/main.ts`, "init", "runtime/My shop");
      assert.match(out, /\nnext\n {2}cd 'runtime\/My shop'\n.* task test\n.* task dev\n$/);
      const names = await Array.fromAsync(Deno.readDir(project), ({ name }) => name);
      assert.deepEqual(names.sort(), [
        ".dockerignore",
        ".gitignore",
        "README.md",
        "deno.json",
        "deploy",
        "functions",
        "schemas",
        "tests",
      ]);
      for (const file of [".gitignore", ".dockerignore"]) {
        assert.match(await Deno.readTextFile(`${project}/${file}`), /^\.env$/m);
      }
      assert.match(
        await Deno.readTextFile(`${project}/README.md`),
        /with the port that `dev` prints: 8000, unless it is/,
      );
    });
    await t.step("`deno task ok` passes, and runs only the project's tests", async () => {
      assert.match(await succeeds(project, "task", "--quiet", "ok"), /1 passed .* 0 failed/);
    });
    await t.step("dev handles an event, and checks types", async () => {
      // A nats-server of dev would take the default port, which other tests need closed.
      await using server = await startServer();
      const env = freePorts("PORT", "ADMIN_PORT");
      await using program = await startTask(project, "dev", { ...env, NATS_URL: server.url });
      await program.waitForLine(/^Weir is up in/);
      await handlesAnEvent(program, env.PORT);
      await program.waitForLine(/type check: no errors/);
      program.kill("SIGTERM");
      assert.equal((await program.status).code, 0);
    });
    await t.step("start handles an event", async () => void await startHandlesAnEvent(project));
    await t.step("new writes a function whose test passes", async () => {
      await succeeds(project, "task", "--quiet", "new", "tellSales", "--on", "users.welcomed");
      assert.match(await succeeds(project, "task", "--quiet", "test", "--no-check"), /2 passed .* 0 failed/);
    });
    await t.step(
      "its Dockerfile takes the packages of deno.lock without the checkout around Weir's folder",
      async () => {
        const image = `${folder}/image`, app = `${image}/app`;
        await Deno.mkdir(app, { recursive: true });
        await copyFolder(WEIR, `${image}/weir`);
        for (const file of ["deno.json", "deno.lock"]) await Deno.copyFile(`${project}/${file}`, `${app}/${file}`);
        const text = await Deno.readTextFile(`${project}/deploy/Dockerfile`);
        const [, command] = /^RUN (sed .* && deno install)$/m.exec(text)!;
        await run("sh", [
          "-c",
          command.replace("/weir", `${image}/weir`).replace("deno install", '"$0" install'),
          Deno.execPath(),
        ], {
          cwd: app,
        });
        await Deno.writeTextFile(`${app}/cli.ts`, 'import "weir/cli";');
        await succeeds(app, "cache", "--frozen", "cli.ts");
      },
    );
    await t.step("one line upgrades it", async () => {
      await copyFolder(WEIR, `${folder}/weir-0.1.1`);
      const own = `${folder}/weir-0.1.1/deno.json`, json = await Deno.readTextFile(own);
      await Deno.writeTextFile(own, json.replace(/"version": "[^"]*"/, '"version": "0.1.1"'));
      const file = `${project}/deno.json`, before = await Deno.readTextFile(file);
      await Deno.writeTextFile(file, before.replace(/"links": .*/, '"links": ["../../weir-0.1.1"],'));
      await succeeds(project, "install");
      assert.equal(await succeeds(project, "run", "--frozen", "weir/cli", "--version"), "0.1.1\n");
      // It loads Weir, and the functions by the same Weir.
      assert.match(await succeeds(project, "run", "-A", "--frozen", "weir/cli", "catalog"), /files written to/);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("init refuses a folder that is not empty and a folder without Weir, and writes nothing", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-init-" });
  try {
    await Deno.writeTextFile(`${folder}/notes.txt`, "");
    for (
      const [args, why] of [
        [["."], "nothing was written: . is not empty (notes.txt)"],
        [["notes.txt"], "nothing was written: notes.txt is a file"],
        [
          ["shop", "--weir", "."],
          `nothing was written: ${folder} does not contain Weir: --weir takes a version, or the folder of`,
        ],
      ] as const
    ) {
      const { code, err } = await deno(folder, "run", "-A", `${WEIR}/cli/main.ts`, "init", ...args);
      assert.equal(code, 1);
      assert.ok(err.startsWith(`weir: ${why}`), err);
    }
    assert.deepEqual(await Array.fromAsync(Deno.readDir(folder), ({ name }) => name), ["notes.txt"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("init --weir VERSION names the version in one line, in formatted files", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-init-" });
  try {
    await succeeds(folder, "run", "-A", `${WEIR}/cli/main.ts`, "init", "shop", "--weir", "^0.3.0");
    const text = await Deno.readTextFile(`${folder}/shop/deno.json`);
    assert.equal(JSON.parse(text).imports.weir, "jsr:@weir/runtime@^0.3.0");
    assert.equal(text.split("0.3.0").length, 2);
    assert.equal(JSON.parse(text).links, undefined);
    await succeeds(`${folder}/shop`, "fmt", "--check");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
