import { spawnChild } from "../../runtime/nats_server/child_process.ts";
import { findServer } from "../../runtime/nats_server/find.ts";
import { type ServerOptions, startServer } from "../../runtime/nats_server/server.ts";
import { testsAtOnce } from "./at_once.ts";
import { exerciseForm } from "./connection_form.ts";
import { freePorts } from "./ports.ts";

/** The servers and files of a form, which end with its test. */
export interface Setup {
  server(options: ServerOptions): Promise<string>;
  file(name: string, text: string): string;
  /** Starts a server that sends nothing before a TLS handshake. */
  silentServer(config: string): Promise<string>;
}

/** Starts the servers of a form of connection. Returns the variables with which Weir reaches JetStream by it. */
export type Form = (setup: Setup) => Promise<Record<string, string>>;

/** Registers a test for each form, as parts of one. */
export function testForms(name: string, forms: Readonly<Record<string, Form>>): void {
  const test = testsAtOnce(name, 3);
  for (const [name, form] of Object.entries(forms)) {
    test(`start handles, retries and redrives events by ${name}`, async () => {
      await using stack = new AsyncDisposableStack();
      const folder = await Deno.makeTempDir({ prefix: "weir-form-" });
      stack.defer(() => Deno.remove(folder, { recursive: true }));
      const file = (name: string, text: string) => {
        Deno.writeTextFileSync(`${folder}/${name}`, text);
        return `${folder}/${name}`;
      };
      const env = await form({
        file,
        server: async (options) => stack.use(await startServer(options)).url,
        silentServer: async (config) => {
          const { port } = freePorts("port"), ready = Promise.withResolvers<void>();
          const args = [
            "-js",
            "-sd",
            `${folder}/store`,
            "-a",
            "127.0.0.1",
            "-p",
            port,
            "-c",
            file("nats.conf", config),
          ];
          const line = (text: string) => text.endsWith("Server is ready") && ready.resolve();
          const child = spawnChild({ command: await findServer(Deno.env), args, stdout: line, stderr: line });
          stack.defer(() => child.stop());
          await Promise.race([ready.promise, child.status.then(() => Promise.reject(new Error("it ended")))]);
          return `tls://127.0.0.1:${port}`;
        },
      });
      await exerciseForm(env);
    });
  }
}
