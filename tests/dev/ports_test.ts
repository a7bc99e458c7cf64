import assert from "node:assert/strict";
import { firstFreePort, listeningProcess } from "../../runtime/dev/ports.ts";
import { findOnPath } from "../../runtime/nats_server/installed.ts";

Deno.test("firstFreePort is the given port, or the next one that is free", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const free = firstFreePort("127.0.0.1", port)!;
  assert.ok(free > port && free < port + 20, `${free} is not shortly after ${port}`);
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const otherPort = (other.addr as Deno.NetAddr).port;
  other.close();
  assert.equal(firstFreePort("127.0.0.1", otherPort), otherPort);
});

const hasLsof = await findOnPath("lsof", Deno.env) !== undefined;

Deno.test("listeningProcess names the process and its pid", { ignore: !hasLsof }, async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  assert.match(
    String(await listeningProcess((taken.addr as Deno.NetAddr).port)),
    new RegExp(`^\\S+ \\(pid ${Deno.pid}\\)$`),
  );
});

Deno.test("listeningProcess is undefined for a free port", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  assert.equal(await listeningProcess((listener.addr as Deno.NetAddr).port), undefined);
});
