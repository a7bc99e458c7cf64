import assert from "node:assert/strict";
import { cacheDirectory, fetchOnce, findServer } from "../../runtime/nats_server/find.ts";
import { startProgram } from "../support/processes.ts";
import { temporaryDirectory, writeScript } from "../support/temporary.ts";

const envOf = (variables: Record<string, string>) => ({ get: (name: string) => variables[name] });
const printing = (version: string) => `echo "nats-server: v${version}"`;
const unix = Deno.build.os !== "windows";

Deno.test(
  { name: "findServer names both versions when NATS_SERVER is too old", ignore: !unix },
  async () => {
    await using temporary = await temporaryDirectory();
    const path = await writeScript(temporary.path, "old", printing("2.11.3"));
    await assert.rejects(findServer(envOf({ NATS_SERVER: path, PATH: "" })), {
      message: `NATS_SERVER: ${path} is nats-server 2.11.3, but 2.12.0 or newer is needed: ` +
        "set NATS_SERVER to another nats-server, or unset it to use one that Weir finds or fetches",
    });
  },
);

Deno.test("findServer names the path when NATS_SERVER does not exist", async () => {
  await assert.rejects(
    findServer(envOf({ NATS_SERVER: "/no/such/server", PATH: "" })),
    /^Error: NATS_SERVER: \/no\/such\/server cannot be run as a nats-server: /,
  );
});

Deno.test({ name: "findServer refuses a NATS_SERVER that is another program", ignore: !unix }, async () => {
  await using temporary = await temporaryDirectory();
  const path = await writeScript(temporary.path, "other", "echo hello");
  await assert.rejects(
    findServer(envOf({ NATS_SERVER: path })),
    /other is not a nats-server: .* printed "hello"/,
  );
});

Deno.test({ name: "findServer returns a supported NATS_SERVER", ignore: !unix }, async () => {
  await using temporary = await temporaryDirectory();
  const path = await writeScript(temporary.path, "new", printing("2.12.0"));
  assert.equal(await findServer(envOf({ NATS_SERVER: path })), path);
});

Deno.test({ name: "findServer prefers the cached copy to PATH", ignore: !unix }, async () => {
  await using temporary = await temporaryDirectory();
  await Deno.mkdir(`${temporary.path}/weir`);
  const cached = await writeScript(`${temporary.path}/weir`, "nats-server", printing("2.14.5"));
  await writeScript(temporary.path, "nats-server", printing("2.15.1"));
  assert.equal(await findServer(envOf({ XDG_CACHE_HOME: temporary.path, PATH: temporary.path })), cached);
});

Deno.test({ name: "findServer returns a supported server on PATH", ignore: !unix }, async () => {
  await using temporary = await temporaryDirectory();
  const path = await writeScript(temporary.path, "nats-server", printing("2.15.1"));
  const env = envOf({
    XDG_CACHE_HOME: `${temporary.path}/cache`,
    PATH: `/no/such/directory:${temporary.path}`,
  });
  assert.equal(await findServer(env), path);
});

Deno.test(
  { name: "findServer ignores a server on PATH that is too old, and logs it", ignore: !unix },
  async () => {
    await using temporary = await temporaryDirectory();
    const path = await writeScript(temporary.path, "nats-server", printing("2.9.10"));
    const log: string[] = [];
    await assert.rejects(
      findServer(envOf({ PATH: temporary.path }), (line) => log.push(line)),
      /set HOME, or install/,
    );
    assert.deepEqual(log, [
      `ignoring the nats-server on PATH: ${path} is nats-server 2.9.10, but 2.12.0 or newer is needed`,
    ]);
  },
);

const directories: [typeof Deno.build.os, Record<string, string>, string | undefined][] = [
  ["linux", { HOME: "/home/a" }, "/home/a/.cache/weir"],
  ["linux", { HOME: "/home/a", XDG_CACHE_HOME: "/caches" }, "/caches/weir"],
  ["linux", { HOME: "/home/a", XDG_CACHE_HOME: "relative" }, "/home/a/.cache/weir"],
  ["darwin", { HOME: "/Users/a" }, "/Users/a/Library/Caches/weir"],
  ["windows", { LOCALAPPDATA: "/Users/a/AppData/Local" }, "/Users/a/AppData/Local/weir"],
  ["linux", {}, undefined],
];
for (const [os, variables, expected] of directories) {
  Deno.test({ name: `cacheDirectory on ${os} with ${JSON.stringify(variables)} is ${expected}`, ignore: !unix }, () => {
    assert.equal(cacheDirectory(envOf(variables), os), expected);
  });
}

Deno.test(
  { name: "fetchOnce fetches once for concurrent callers, and leaves no other file", ignore: !unix },
  async () => {
    await using temporary = await temporaryDirectory();
    const cache = `${temporary.path}/weir`;
    let fetches = 0;
    const fetch = (directory: string) => {
      fetches++;
      return writeScript(directory, "fetched", printing("2.15.1"));
    };
    const found = await Promise.all([1, 2, 3, 4].map(() => fetchOnce(cache, fetch)));
    assert.deepEqual(new Set(found), new Set([`${cache}/nats-server`]));
    assert.equal(fetches, 1);
    assert.deepEqual(Array.from(Deno.readDirSync(cache), (entry) => entry.name).sort(), [
      "fetch.lock",
      "nats-server",
    ]);
  },
);

Deno.test({ name: "fetchOnce removes a fetched server that is not supported", ignore: !unix }, async () => {
  await using temporary = await temporaryDirectory();
  await assert.rejects(
    fetchOnce(temporary.path, (directory) => writeScript(directory, "fetched", printing("2.10.0"))),
    /is nats-server 2\.10\.0, but 2\.12\.0 or newer is needed/,
  );
  assert.deepEqual(Array.from(Deno.readDirSync(temporary.path), (entry) => entry.name), ["fetch.lock"]);
});

Deno.test({ name: "fetchOnce fetches again after a process was killed during its fetch", ignore: !unix }, async () => {
  await using temporary = await temporaryDirectory();
  await writeScript(temporary.path, "nats-server", "damaged");
  const program = await startProgram(`
    import { fetchOnce } from ${JSON.stringify(import.meta.resolve("../../runtime/nats_server/find.ts"))};
    setInterval(() => {}, 1000);
    await fetchOnce(${JSON.stringify(temporary.path)}, async (directory) => {
      await Deno.writeTextFile(directory + "/half", "half");
      console.log("fetching");
      return await new Promise(() => {});
    });
  `);
  assert.equal(await program.line(), "fetching");
  await program.kill();
  const fetch = (directory: string) => writeScript(directory, "fetched", printing("2.15.1"));
  assert.equal(await fetchOnce(temporary.path, fetch), `${temporary.path}/nats-server`);
  const left = Array.from(Deno.readDirSync(temporary.path), (entry) => entry.name).sort();
  assert.deepEqual(left, ["fetch.lock", "nats-server"]);
});

Deno.test(
  { name: "findServer fetches a real server once for two callers on a fresh machine", ignore: !unix },
  async () => {
    await using temporary = await temporaryDirectory();
    // A PATH that has these tools, but no nats-server.
    for (const tool of ["apt-get", "dpkg"]) {
      const { stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${tool}`] }).output();
      const path = new TextDecoder().decode(stdout).trim();
      if (path) await Deno.symlink(path, `${temporary.path}/${tool}`);
    }
    const log: string[] = [];
    const env = envOf({ XDG_CACHE_HOME: `${temporary.path}/cache`, PATH: temporary.path });
    const found = await Promise.all([1, 2].map(() => findServer(env, (line) => log.push(line))));
    const expected = `${temporary.path}/cache/weir/nats-server`;
    assert.deepEqual(found, [expected, expected]);
    assert.equal(log.filter((line) => line.startsWith("Fetching")).length, 1, log.join("\n"));
    const { stdout } = await new Deno.Command(expected, { args: ["--version"] }).output();
    assert.match(new TextDecoder().decode(stdout), /^nats-server: v2\.\d+\.\d+/);
  },
);
