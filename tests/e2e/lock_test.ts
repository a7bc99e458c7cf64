import assert from "node:assert/strict";
import { copyProject, freePorts, startWeir } from "./program.ts";

const PORTS = ["PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT"] as const;

Deno.test("a second dev in the same folder is refused, since two servers on one store destroy it", async () => {
  await using project = await copyProject();
  await using first = startWeir(project.path, ["dev"], freePorts(...PORTS));
  await first.waitForLine(/^Weir is up in/);
  await using second = startWeir(project.path, ["dev"], freePorts(...PORTS));
  assert.equal((await second.status).code, 1);
  assert.match(second.lines.join("\n"), /another `deno task dev` runs in this folder: stop it first/);
  first.kill("SIGTERM");
  assert.equal((await first.status).code, 0);
});
