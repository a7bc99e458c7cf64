import assert from "node:assert/strict";
import { firstFreePort, listeningProcess } from "../../runtime/dev/ports.ts";

Deno.test("the first free port is the one asked for, or the next that nobody has", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const free = firstFreePort("127.0.0.1", port)!;
  assert.ok(free > port && free < port + 20, `${free} is not shortly after ${port}`);
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const theirs = (other.addr as Deno.NetAddr).port;
  other.close();
  assert.equal(firstFreePort("127.0.0.1", theirs), theirs);
});

Deno.test("who listens on a port is told by name and pid", { ignore: Deno.build.os === "windows" }, async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  assert.match(
    String(await listeningProcess((taken.addr as Deno.NetAddr).port)),
    new RegExp(`^\\S+ \\(pid ${Deno.pid}\\)$`),
  );
});

Deno.test("of a port that nobody listens on, nobody is told", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  assert.equal(await listeningProcess((listener.addr as Deno.NetAddr).port), undefined);
});
