/** A server for the functions of a project, and the plans for them. */
import { type Applied, applyPlan } from "../../runtime/nats/topology/apply_plan.ts";
import type { FunctionDefinition } from "../../runtime/api/define_function.ts";
import type { Registry } from "../../runtime/project/registry.ts";
import { type NatsServer, startServer } from "../../runtime/nats_server/server.ts";
import { type Cluster, connectCluster } from "../../runtime/app/cluster.ts";
import { readConfig } from "../../runtime/app/config.ts";
import type { Step } from "../../runtime/nats/topology/step.ts";
import { planCluster } from "../../runtime/nats/topology/plan_cluster.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { desiredState } from "../../runtime/app/desired_state.ts";

export interface Planned extends AsyncDisposable {
  readonly server: NatsServer;
  readonly cluster: Cluster;
  /** Returns the steps of the plan for these functions, without those that change nothing. */
  plan(functions: Record<string, FunctionDefinition>): Promise<Step[]>;
  apply(functions: Record<string, FunctionDefinition>, options?: { prune: true | string[] }): Promise<Applied[]>;
}

export async function startPlanned(): Promise<Planned> {
  const server = await startServer();
  const config = readConfig({ get: (name) => name === "NATS_URL" ? server.url : undefined, readFile: () => "" });
  const cluster = await connectCluster(config);
  const names = ({ functions }: Registry) => functions.map(({ name }) => name);
  return {
    server,
    cluster,
    plan: async (functions) => {
      const registry = registryOf(functions);
      const steps = await planCluster(cluster.nc, cluster.jsm, desiredState(config, registry), names(registry));
      return steps.filter(({ kind }) => kind !== "same");
    },
    apply: (functions, options) => {
      const registry = registryOf(functions);
      return applyPlan(cluster, desiredState(config, registry), names(registry), options);
    },
    [Symbol.asyncDispose]: async () => {
      await cluster.close();
      await server.stop();
    },
  };
}

/** Publishes at an even pace until `stop`, which resolves to the number of stored events. */
export function startLoad(publish: (n: number) => Promise<unknown>, perSecond: number) {
  let stopped = false;
  const sent: Promise<unknown>[] = [];
  const done = (async () => {
    const startedAtMs = performance.now();
    while (!stopped) {
      const due = (performance.now() - startedAtMs) / 1_000 * perSecond;
      while (sent.length < due) sent.push(publish(sent.length));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await Promise.all(sent);
    return sent.length;
  })();
  return {
    get count() {
      return sent.length;
    },
    stop: () => {
      stopped = true;
      return done;
    },
  };
}
