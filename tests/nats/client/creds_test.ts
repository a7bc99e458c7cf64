import assert from "node:assert/strict";
import { readConfig } from "../../../runtime/app/config.ts";
import { connectCluster } from "../../../runtime/app/cluster.ts";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { createOperator } from "../../support/creds.ts";

const shapes: [name: string, shape: (text: string) => string][] = [
  ["as nsc writes it", (text) => `${text}\n*************************************************************\n`],
  ["that ends at its END line", (text) => text],
  ["that ends at its END line, without a line break", (text) => text.trimEnd()],
  ["with CRLF", (text) => text.replaceAll("\n", "\r\n")],
  ["with CRLF, that ends at its END line", (text) => text.trimEnd().replaceAll("\n", "\r\n")],
  ["with CR", (text) => text.replaceAll("\n", "\r")],
  ["with spaces at the ends of lines", (text) => text.replaceAll("\n", " \t\n") + "  "],
  ["with an empty line after each line", (text) => text.replaceAll("\n", "\n\n")],
  ["with \\n for line breaks", (text) => text.trimEnd().replaceAll("\n", "\\n")],
];

Deno.test("connectNats takes a credentials file of any shape that NATS's own tools, editors and variables give it", async (t) => {
  const operator = createOperator();
  await using server = await startServer({ config: operator.config });
  for (const [name, shape] of shapes) {
    for (const variable of ["NATS_CREDS", "NATS_CREDS_FILE", "NATS_CREDS as text"]) {
      await t.step(`${variable} ${name}`, async () => {
        const text = shape(operator.creds());
        const [at, file] = variable.endsWith("text") ? ["NATS_CREDS", text] : [variable, "/user.creds"];
        const env: Record<string, string> = { NATS_URL: server.url, [at]: file };
        const cluster = await connectCluster(readConfig({ get: (name) => env[name], readFile: () => text }));
        assert.equal(cluster.nc.isClosed(), false);
        await cluster.close();
      });
    }
  }
});
