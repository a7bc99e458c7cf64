import assert from "node:assert/strict";
import { defineFunction } from "../../../runtime/api/define_function.ts";
import { readConfig } from "../../../runtime/app/config.ts";
import { startRuntime } from "../../../runtime/app/runtime.ts";
import { type NatsServer, startServer } from "../../../runtime/nats_server/server.ts";
import { buildRegistry } from "../../../runtime/project/registry.ts";
import { Logger } from "../../../runtime/telemetry/otel/logs/logger.ts";
import { createOperator } from "../../support/creds.ts";
import { eventually } from "../../support/eventually.ts";

const operator = createOperator();
const withPassword = (password: string) => ({
  config: `authorization { users = [ { user: alice, password: ${password} } ] }`,
});

/** A kind of outage: the server at first, what then happens to it, and the reason that Weir must give. */
interface Outage {
  readonly server: Parameters<typeof startServer>[0];
  readonly variables: () => Record<string, string>;
  begin(server: NatsServer): Promise<AsyncDisposable | void>;
  readonly reason: RegExp;
}

const outages: Record<string, Outage> = {
  "the server is gone": {
    server: {},
    variables: () => ({}),
    begin: (server) => server.kill(),
    reason: /refused.*: is it running, and is NATS_URL right\?/,
  },
  "the credentials expire": {
    server: { config: operator.config },
    variables: () => ({ NATS_CREDS: operator.creds(2) }),
    begin: () => Promise.resolve(),
    reason: /the credentials in NATS_CREDS expired at 20\S+Z: renew them, and start again/,
  },
  "the password is another": {
    server: withPassword("old"),
    variables: () => ({ NATS_USER: "alice", NATS_PASSWORD: "old" }),
    begin: async (server) => {
      await server.kill();
      return await startServer({ port: server.port, ...withPassword("new") });
    },
    reason: /Authorization Violation: check NATS_CREDS, NATS_TOKEN or NATS_USER and NATS_PASSWORD/,
  },
  "the server hangs": {
    server: {},
    variables: () => ({}),
    begin: async (server) => {
      await server.kill();
      const listener = Deno.listen({ hostname: "127.0.0.1", port: server.port });
      const accepting = Array.fromAsync(listener); // it never says anything
      return {
        [Symbol.asyncDispose]: async () => {
          listener.close();
          for (const client of await accepting) client.close();
        },
      };
    },
    reason: /timeout: is the address right/,
  },
  "something else closes each connection": {
    server: {},
    variables: () => ({}),
    begin: async (server) => {
      await server.kill();
      const listener = Deno.listen({ hostname: "127.0.0.1", port: server.port });
      const accepting = Array.fromAsync(listener, (client) => client.close());
      return {
        [Symbol.asyncDispose]: async () => {
          listener.close();
          await accepting;
        },
      };
    },
    reason: /: is a NATS server at that address\? If so, its log says why it closed the connection/,
  },
};

for (const [name, { server: options, variables, begin, reason }] of Object.entries(outages)) {
  Deno.test(`ConnectionMonitor logs once why it cannot reconnect, and health names it: ${name}`, async () => {
    await using server = await startServer(options);
    const env: Record<string, string> = { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", ...variables() };
    const config = readConfig({ get: (name) => ({ NATS_URL: server.url, ...env })[name], readFile: () => "" });
    const lines: { level: string; message: string; reason?: string }[] = [];
    const log = new Logger({ level: "info", format: "json", write: (line) => lines.push(JSON.parse(line)) });
    const handle = defineFunction({ on: "legacy.>" }, () => {});
    const registry = buildRegistry([], [{ file: "functions/handle.ts", exports: { default: handle } }]);
    const runtime = await startRuntime(config, registry, log);
    let replacement: AsyncDisposable | void = undefined;
    try {
      replacement = await begin(server);
      const why = () => lines.filter(({ message }) => message === "cannot reconnect to NATS: will retry");
      await eventually(() => why().length > 0);
      const health = await (await fetch(`${runtime.adminUrl}/health/ready`)).json();
      assert.match(health.checks.nats.error, new RegExp(`^disconnected from .*${reason.source}`));
      assert.match(why()[0].reason!, reason);
      assert.equal(why()[0].level, "error");
      // A server may take the credentials once more within the second in which they expire: a second outage follows.
      const outages = lines.filter(({ message }) => /^disconnected/.test(message)).length;
      assert.ok(why().length <= outages, `${why().length} lines for ${outages} outages`);
    } finally {
      await runtime.stop();
      await replacement?.[Symbol.asyncDispose]();
    }
  });
}
