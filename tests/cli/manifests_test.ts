import assert from "node:assert/strict";
import { manifestsCommand } from "../../runtime/cli/manifests.ts";

const REFUSED: [args: string[], error: RegExp][] = [
  [["--image", "shop"], /with a tag or digest/],
  [["--image", "shop:latest"], /and not latest/],
  [["--image", "registry.example:5000/shop"], /with a tag or digest/],
  [["--image", "shop@sha256:12"], /with a tag or digest/],
  [["--namespace", "Shop"], /lower case letters/],
  [["--keda", "nats"], /a host and a port/],
  [["--keda", "http://nats:8222"], /a host and a port/],
  [["--max-replicas", "0"], /a whole number from 1/],
  [["--min-replicas", "-1"], /a number of pods, from 0/],
];

Deno.test("manifests refuses an image that may change, and other options that Kubernetes would refuse", async () => {
  for (const [args, error] of REFUSED) {
    const command = manifestsCommand().exitOverride().configureOutput({ writeErr: () => {} });
    await assert.rejects(command.parseAsync(args, { from: "user" }), error, args.join(" "));
  }
  const above = ["--keda", "nats:8222", "--min-replicas", "4", "--max-replicas", "2"];
  await assert.rejects(manifestsCommand().parseAsync(above, { from: "user" }), /--min-replicas 4 is above/);
});
