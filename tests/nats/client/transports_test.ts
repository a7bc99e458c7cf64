import { connectNats } from "../../../runtime/nats/client/connection.ts";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { eventually } from "../../support/eventually.ts";
import { freePorts } from "../../support/ports.ts";

Deno.test("connectNats reconnects by websocket and by TCP in one process, each with its own transport", async () => {
  const { port } = freePorts("port");
  await using server = await startServer({ config: `websocket { listen: "127.0.0.1:${port}", no_tls: true }` });
  const to = (url: string) => connectNats({ servers: [url], name: "test" });
  for (const urls of [[`ws://127.0.0.1:${port}`, server.url], [server.url, `ws://127.0.0.1:${port}`]]) {
    const connections = [await to(urls[0]), await to(urls[1])];
    await server.restart();
    for (const nc of connections) {
      await eventually(async () => {
        await nc.flush();
        return true;
      });
      await nc.close();
    }
  }
});
