import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, startServer } from "../../runtime/nats_server/server.ts";
import { freePorts } from "../support/ports.ts";
import { eventually } from "../support/eventually.ts";

const STREAM = "CHAOS";
const NODES = ["n1", "n2", "n3"] as const;
const WITHIN_MS = 60_000;
const REQUEST_MS = 1_000;

/** A cluster of three nats-servers, with three replicas of every stream. */
export class TestCluster implements AsyncDisposable {
  private constructor(
    readonly nodes: ReadonlyMap<string, NatsServer>,
    readonly nc: NatsConnection,
    readonly jsm: JetStreamManager,
  ) {}

  /** Starts the servers, and resolves once they have elected a leader and take streams. */
  static async start(): Promise<TestCluster> {
    const ports = freePorts(...NODES);
    const routes = NODES.map((name) => `nats://127.0.0.1:${ports[name]}`).join(", ");
    const started = await Promise.allSettled(NODES.map((name) => {
      const config = `cluster { name: chaos, listen: "127.0.0.1:${ports[name]}", routes: [${routes}] }`;
      return startServer({ name, config });
    }));
    const servers = started.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
    try {
      const failed = started.find((one) => one.status === "rejected");
      if (failed) throw failed.reason;
      const nc = await connect({
        servers: servers.map(({ url }) => url),
        maxReconnectAttempts: -1,
        reconnectTimeWait: 100,
      });
      const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: REQUEST_MS });
      await eventually(() => jsm.getAccountInfo(), { within: WITHIN_MS });
      return new TestCluster(new Map(NODES.map((name, i) => [name, servers[i]])), nc, jsm);
    } catch (error) {
      await Promise.all(servers.map((server) => server.stop()));
      throw error;
    }
  }

  get urls(): string[] {
    return [...this.nodes.values()].map(({ url }) => url);
  }

  /** Returns the leader of a function's consumer, or of the stream; undefined during an election. */
  async leader(fn?: string): Promise<string | undefined> {
    const { cluster } = fn === undefined
      ? await this.jsm.streams.info(STREAM)
      : await this.jsm.consumers.info(STREAM, fn);
    return cluster?.leader || undefined;
  }

  /** Makes the leader step down, and resolves once another node leads. */
  async stepDown(fn?: string): Promise<void> {
    const before = await eventually(() => this.leader(fn));
    const subject = fn === undefined ? `STREAM.LEADER.STEPDOWN.${STREAM}` : `CONSUMER.LEADER.STEPDOWN.${STREAM}.${fn}`;
    const answer = (await this.nc.request(`$JS.API.${subject}`, "", { timeout: 5_000 })).json<{ error?: unknown }>();
    if (answer.error) throw new Error(`${subject} was refused: ${JSON.stringify(answer.error)}`);
    await this.leaderOtherThan(before, fn);
  }

  /** Resolves once a node other than `before` leads. */
  async leaderOtherThan(before: string, fn?: string): Promise<void> {
    await eventually(async () => ![undefined, before].includes(await this.leader(fn)), { within: WITHIN_MS });
  }

  /** Returns what a node leads: consumers of these functions, and the stream as undefined. */
  async ledBy(node: string, fns: readonly string[]): Promise<(string | undefined)[]> {
    const groups = [undefined, ...fns];
    const leaders = await Promise.all(groups.map((fn) => eventually(() => this.leader(fn))));
    return groups.filter((_, i) => leaders[i] === node);
  }

  /** Resolves at the advisory of an election. Polling is slower: without a leader, a request takes a second to fail. */
  leaderElected(fn?: string): Promise<void> {
    const group = fn === undefined ? `STREAM.LEADER_ELECTED.${STREAM}` : `CONSUMER.LEADER_ELECTED.${STREAM}.${fn}`;
    const subject = `$JS.EVENT.ADVISORY.${group}`;
    return new Promise((resolve) => this.nc.subscribe(subject, { max: 1, callback: () => resolve() }));
  }

  /** Resolves once every node is current with a stream and its consumers. Default: that of the trials. */
  async allCurrent(stream = STREAM): Promise<void> {
    await eventually(async () => {
      const { cluster } = await this.jsm.streams.info(stream);
      const groups = [cluster];
      for await (const consumer of this.jsm.consumers.list(stream)) groups.push(consumer.cluster);
      return groups.every((group) =>
        group?.leader && group.replicas?.length === NODES.length - 1 &&
        group.replicas.every(({ current, offline }) => current && !offline)
      );
    }, { within: WITHIN_MS });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nc.close();
    await Promise.all([...this.nodes.values()].map((server) => server.stop()));
  }
}
