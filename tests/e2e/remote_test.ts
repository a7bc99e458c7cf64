import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import weirJson from "../../runtime/deno.json" with { type: "json" };
import { calledIn } from "../support/called_in.ts";
import { startHandlesAnEvent } from "./project_program.ts";

const WEIR = new URL("../../runtime/", import.meta.url);

async function deno(cwd: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { ...calledIn(cwd), ...env },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 0, `deno ${args.join(" ")}:\n${text}${new TextDecoder().decode(stderr)}`);
  return text;
}

/** A cache of Deno's that has the packages of the usual one, and no other module. */
async function emptyCache(folder: string): Promise<string> {
  const { npmCache } = JSON.parse(await deno(folder, ["info", "--json"]));
  await Deno.mkdir(`${folder}/cache`);
  await Deno.symlink(npmCache, `${folder}/cache/npm`);
  return `${folder}/cache`;
}

/** As a registry serves it: modules alone, each by its URL. */
function serveWeir(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async ({ url }) => {
    const path = new URL(url).pathname, type = path.endsWith(".json") ? "json" : "typescript";
    try {
      const text = await Deno.readTextFile(new URL(`.${path}`, WEIR));
      return new Response(text, { headers: { "content-type": `application/${type}` } });
    } catch {
      return new Response(null, { status: 404 });
    }
  });
}

Deno.test("a project whose Weir is served over HTTP runs from the cache, with nothing of Weir on disk", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-remote-" }), project = `${folder}/shop`;
  try {
    await using server = serveWeir();
    const at = `127.0.0.1:${server.addr.port}`, env = { DENO_DIR: await emptyCache(folder) };
    await deno(folder, ["run", "-A", fileURLToPath(new URL("cli/main.ts", WEIR)), "init", "shop", "--weir", "0.1.0"]);
    // What the registry does for `jsr:` and for the packages that Weir names is done here by hand.
    const file = `${project}/deno.json`, json = JSON.parse(await Deno.readTextFile(file));
    for (const [name, target] of Object.entries({ "": ".", "/testing": "./testing", "/cli": "./cli" } as const)) {
      json.imports[`weir${name}`] = new URL(weirJson.exports[target], `http://${at}/`).href;
    }
    Object.assign(json.imports, weirJson.imports);
    json.tasks.start.command = json.tasks.start.command.replace("deno run", `$& --cached-only --allow-import=${at}`);
    await Deno.writeTextFile(file, JSON.stringify(json));

    // As the image does.
    await Deno.writeTextFile(`${project}/cli.ts`, 'import "weir/cli";');
    await deno(project, ["cache", "--check", `--allow-import=${at}`, "cli.ts", "functions/welcomeUser.ts"], env);
    await server.shutdown();

    const version = await deno(project, ["run", "--cached-only", `--allow-import=${at}`, "weir/cli", "--version"], env);
    assert.equal(version, `${weirJson.version}\n`);
    const lines = await startHandlesAnEvent(project, env);
    const problems = lines.filter((line) => /"level":"(warn|error)"/.test(line));
    assert.deepEqual(problems, []); // such as that the thread beside it cannot be started
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
