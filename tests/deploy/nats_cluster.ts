/** A cluster of three real servers, from the files of `deploy/nats/`. */
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { type ChildProcess, spawnChild } from "../../runtime/nats_server/child_process.ts";
import { findServer } from "../../runtime/nats_server/find.ts";
import { run } from "../../runtime/nats_server/run.ts";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { DEPLOY } from "./views_files.ts";

const NAMES = ["n1", "n2", "n3"] as const;
/** Variables of a server's environment, by their names in `server.conf`. */
type Variables = Record<string, string>;

/** The files that a cluster is made from: its configuration, certificates, users and passwords. */
export interface ClusterFolder extends AsyncDisposable {
  readonly path: string;
  /** Password of each user of `users.conf`. */
  readonly passwords: ReadonlyMap<string, string>;
}

/** Prepares a folder as `deploy/nats/README.md` says. @param buckets Those that handlers open with `ctx.kv`. */
export async function prepareCluster(project: string, buckets: readonly string[]): Promise<ClusterFolder> {
  const path = await Deno.makeTempDir({ prefix: "weir-cluster-" }), nats = `${DEPLOY}nats/`;
  await Deno.copyFile(`${nats}server.conf`, `${path}/server.conf`);
  const printed = await commandRunner(project, "nats://127.0.0.1:1")("nats-permissions", "--bucket", ...buckets);
  if (printed.code !== 0) throw new Error(printed.text);
  await Deno.writeTextFile(`${path}/users.conf`, `include "./passwords.conf"\n${printed.text}\n`);
  const script = `sh ${nats}passwords.sh "$0/passwords.conf" < "$0/users.conf"`;
  await run("sh", ["-c", script, path]);
  for (const name of NAMES) {
    await run("sh", [`${nats}certificates.sh`, `${path}/certs`, "server", name, "localhost", "127.0.0.1"]);
  }
  await run("sh", [`${nats}certificates.sh`, `${path}/certs`, "client", "client"]);
  const lines = (await Deno.readTextFile(`${path}/passwords.conf`)).matchAll(/^(\w+)_PASSWORD: "(\w+)"$/gm);
  const passwords = new Map([...lines].map(([, name, password]) => [name.toLowerCase(), password]));
  return { path, passwords, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** One server of the cluster. */
class Node {
  #process: ChildProcess | undefined;

  constructor(readonly command: string, readonly env: Variables, readonly log: (line: string) => void) {}

  /** Starts it, and resolves once it is ready. */
  async start(folder: string): Promise<void> {
    const ready = Promise.withResolvers<void>(), recent: string[] = [];
    const onLine = (line: string) => {
      recent.push(line);
      this.log(line);
      if (line.endsWith(" Server is ready")) ready.resolve();
    };
    const args = ["-c", `${folder}/server.conf`];
    const process = spawnChild({ command: this.command, args, env: this.env, stdout: onLine, stderr: onLine });
    this.#process = process;
    const ended = process.status.then(() => Promise.reject(new Error(`it ended:\n${recent.slice(-8).join("\n")}`)));
    ended.catch(() => {}); // once it is ready, its end is expected
    await Promise.race([ready.promise, ended]);
  }

  async stop(signal: Deno.Signal): Promise<void> {
    await this.#process?.stop(signal, 15_000);
  }
}

/** The running cluster, with the connection of the user `apply`. */
export class ShippedCluster implements AsyncDisposable {
  private constructor(
    readonly folder: ClusterFolder,
    readonly nodes: ReadonlyMap<string, Node>,
    readonly urls: readonly string[],
    /** Lines of the servers' logs that tell of refused requests. */
    readonly violations: readonly string[],
    readonly nc: NatsConnection,
    readonly jsm: JetStreamManager,
  ) {}

  /** Starts three servers that verify the certificates of clients. */
  static async start(folder: ClusterFolder): Promise<ShippedCluster> {
    const command = await findServer(), violations: string[] = [];
    const log = (line: string) => void (/violation/i.test(line) && violations.push(line));
    const clients = freePorts(...NAMES), routes = freePorts(...NAMES), monitors = freePorts(...NAMES);
    const nodes = new Map(NAMES.map((name) => {
      const env = {
        NATS_SERVER_NAME: name,
        NATS_CLUSTER_NAME: "shipped",
        NATS_LISTEN: `127.0.0.1:${clients[name]}`,
        NATS_ROUTE_LISTEN: `127.0.0.1:${routes[name]}`,
        NATS_MONITOR: `127.0.0.1:${monitors[name]}`,
        ...Object.fromEntries(NAMES.map((other, i) => [`NATS_ROUTE_${i + 1}`, `nats://127.0.0.1:${routes[other]}`])),
        NATS_STORE_DIR: `${folder.path}/${name}`,
        NATS_MAX_FILE_STORE: "1G",
        NATS_CA_FILE: `${folder.path}/certs/ca.crt`,
        NATS_CERT_FILE: `${folder.path}/certs/${name}.crt`,
        NATS_KEY_FILE: `${folder.path}/certs/${name}.key`,
        NATS_VERIFY_CLIENTS: "true",
        NATS_ADMIN_PASSWORD: "admin-of-the-test",
      };
      return [name, new Node(command, env, log)];
    }));
    const urls = NAMES.map((name) => `tls://127.0.0.1:${clients[name]}`);
    try {
      await Promise.all([...nodes.values()].map((node) => node.start(folder.path)));
      const nc = await connectNats(connectionOf(folder, urls, "apply"));
      const jsm = await eventually(async () => {
        const manager = await jetstreamManager(nc, { checkAPI: false, timeout: 1_000 });
        await manager.getAccountInfo(); // fails until the servers have elected a leader
        return manager;
      });
      return new ShippedCluster(folder, nodes, urls, violations, nc, jsm);
    } catch (error) {
      await Promise.all([...nodes.values()].map((node) => node.stop("SIGKILL")));
      throw error;
    }
  }

  /** Returns the options of a connection of a user. */
  connection(user: string) {
    return connectionOf(this.folder, this.urls, user);
  }

  /** Returns the variables of a process or command of Weir that runs as a user. */
  env(user: string): Record<string, string> {
    const { tls, password } = this.connection(user);
    return {
      NATS_URL: this.urls.join(","),
      NATS_USER: user,
      NATS_PASSWORD: password,
      NATS_TLS_CA: tls.ca,
      NATS_TLS_CERT: tls.cert,
      NATS_TLS_KEY: tls.key,
      WEIR_REPLICAS: "3",
    };
  }

  /** Returns the name of the node that leads a consumer; undefined during an election. */
  async leader(stream: string, consumer: string): Promise<string | undefined> {
    return (await this.jsm.consumers.info(stream, consumer)).cluster?.leader || undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nc.close();
    await Promise.all([...this.nodes.values()].map((node) => node.stop("SIGTERM")));
  }
}

function connectionOf({ path, passwords }: ClusterFolder, urls: readonly string[], user: string) {
  const tls = { ca: `${path}/certs/ca.crt`, cert: `${path}/certs/client.crt`, key: `${path}/certs/client.key` };
  return { servers: [...urls], name: "test", user, password: passwords.get(user)!, tls };
}
