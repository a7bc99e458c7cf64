import assert from "node:assert/strict";
import { workloadNames } from "../../../runtime/app/manifests/names.ts";

const nameOf = (name: string) => workloadNames([name]).get(name)!;

Deno.test("workloadNames writes a function's name as Kubernetes allows it", () => {
  assert.equal(nameOf("capturePayment"), "weir-capture-payment");
  assert.equal(nameOf("ship"), "weir-ship");
  assert.equal(nameOf("resize_image-2_"), "weir-resize-image-2");
  assert.equal(nameOf("toS3"), "weir-to-s3");
});

Deno.test("workloadNames keeps names apart that would be the same, taken or too long", () => {
  const long = "a".repeat(64), names = ["shipOrder", "ship-order", "ingress", "functions", "apply", long, "bill"];
  const found = workloadNames(names), all = [...found.values()];
  assert.equal(new Set(all).size, names.length);
  for (const name of all) assert.match(name, /^weir-[a-z0-9]([-a-z0-9]{0,45}[a-z0-9])?$/, name);
  assert.match(found.get("shipOrder")!, /^weir-ship-order-[0-9a-f]{6}$/);
  assert.match(found.get("ingress")!, /^weir-ingress-[0-9a-f]{6}$/);
  assert.equal(found.get("bill"), "weir-bill");
  assert.deepEqual(workloadNames(names), found);
});
