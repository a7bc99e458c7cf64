import type { ConsoleOptions } from "../console/options.ts";
import { type ConsoleRoutes, consoleRoutes } from "../console/routes.ts";
import { deadLetterRoutes } from "../http/admin/dead_letter_routes.ts";
import { functionRoutes } from "../http/admin/function_routes.ts";
import type { RuntimeIdentity } from "../http/admin/runtime_identity.ts";
import { metricsRoutes } from "../http/admin/metrics_routes.ts";
import { retryRoutes } from "../http/admin/retry_routes.ts";
import { withCors } from "../http/cors.ts";
import { type Health, healthRoutes } from "../http/health.ts";
import { ingressRoutes } from "../http/ingress.ts";
import { listen, type Listener } from "../http/listen.ts";
import type { ServerClock } from "../engine/clock.ts";
import type { Progress } from "../http/progress.ts";
import { problemRoutes } from "../http/problem_routes.ts";
import { Replies } from "../http/replies.ts";
import { router } from "../http/router.ts";
import { withoutPassword } from "../nats/client/nats_options.ts";
import { DeadLetterService } from "../nats/dead_letters/service.ts";
import type { LagReader } from "../nats/inspect/consumer_lag.ts";
import { ReplyListener } from "../nats/inspect/reply_listener.ts";
import { RetryService } from "../nats/retry/service.ts";
import { findConsumer } from "../nats/topology/find.ts";
import { replyFields } from "../project/resolve_replies.ts";
import type { Registry } from "../project/registry.ts";
import type { Logger } from "../telemetry/otel/logs/logger.ts";
import type { OutcomeEmitter } from "../telemetry/outcome_emitter.ts";
import { contextWith } from "../telemetry/otel/spans/span_scope.ts";
import { guardOf } from "./admin_guard.ts";
import type { Authentication } from "./authentication.ts";
import { adminCatalogRoutes, publicCatalogRoutes } from "./catalog_routes.ts";
import type { Cluster } from "./cluster.ts";
import { type Config, LOOPBACK } from "./config.ts";
import type { FunctionHost } from "./function_host.ts";
import { functionStatus } from "./function_status.ts";
import type { Metering } from "./metering.ts";
import { adminProblems, publicProblems } from "./problems.ts";

/** Bytes of `max_payload` that are kept for the headers of an event. */
const HEADER_BYTES = 4_096;

export interface ListenerOptions {
  readonly config: Config;
  readonly registry: Registry;
  readonly cluster: Cluster;
  readonly clock: ServerClock;
  readonly authentication: Authentication;
  /** Answers requests for the progress of events. Default: there are none. */
  readonly progress?: Progress;
  readonly metering: Metering;
  readonly health: Health;
  readonly log: Logger;
  /** Other processes listen on the same public port, and a supervisor answers for all of them. */
  readonly sharesPort?: boolean;
}

/** Parts that only the admin listener needs. */
interface AdminOptions extends ListenerOptions {
  readonly outcomes: OutcomeEmitter;
  readonly dev?: { readonly url?: string };
  readonly sample?: ConsoleOptions["sample"];
  readonly state: { readonly publicListener: Listener | undefined };
}

/** Opens the public listener: the ingress and its documents, if the process has that role, and health. */
export function openPublicListener(options: ListenerOptions): Listener {
  const { config, registry, cluster, clock, authentication, progress, metering, health, log, sharesPort } = options;
  const problemOf = publicProblems(log),
    replies = repliesOf(options),
    isIngress = config.WEIR_ROLES.includes("ingress");
  const routes = [
    ...healthRoutes(health),
    ...problemRoutes(),
    ...(isIngress ? publicCatalogRoutes(registry, cluster.names, authentication) : []),
    ...(progress?.routes() ?? []),
    ...ingressRoutes({
      events: isIngress ? registry.events : new Map(),
      publisher: metering.publisher(cluster.failFastPublisher),
      ...authentication,
      replies,
      clock,
      maxBytes: cluster.nc.info!.max_payload - HEADER_BYTES,
      outage: () => cluster.messages.outage(),
      problemOf,
      withSpan: (parent, span) => contextWith(span, parent),
    }),
  ];
  const { HOST: hostname, PORT: port, CORS_ORIGINS: origins } = config;
  const answer = router(routes, { meter: metering.requests.ingress, problemOf });
  const handler = origins ? withCors(answer, origins) : answer;
  const listener = listen({ hostname, port, variable: "PORT", handler, log, shared: sharesPort });
  return {
    url: listener.url,
    problem: () => listener.problem(),
    stop: (graceMs) => {
      // What waits for a reply or for progress would take all of the grace.
      replies?.stop();
      progress?.stop();
      return listener.stop(graceMs);
    },
  };
}

/** Listens for replies if any event has them. */
function repliesOf({ registry: { events }, cluster: { nc, names }, clock, log }: ListenerOptions): Replies | undefined {
  const fields = replyFields(events);
  if (fields.size === 0) return undefined;
  const source = new ReplyListener(nc, fields, log, names);
  source.start();
  return new Replies(events, source, clock);
}

export function openAdminListener(options: AdminOptions, host: FunctionHost, lag: LagReader): Listener {
  const { config, registry, cluster, authentication, metering, health, log, sharesPort } = options;
  const { functions, redact, topology } = host.options, lastErrorOf = (name: string) => metering.lastError(name);
  const problemIn = (name: string) => topology.problem(name);
  const status = async () =>
    functionStatus(functions, await lag.read(0), host.dispatchers, lastErrorOf, redact, problemIn);
  const names = registry.functions.map(({ name }) => name), declares = (name: string) => names.includes(name);
  const ran = async (name: string) => {
    const { jsm, names } = cluster;
    return await findConsumer(jsm, names.retries.stream, names.consumer(name)) !== undefined;
  };
  const deadLetters = new DeadLetterService(cluster, declares),
    problemOf = adminProblems(() => cluster.monitor.problem());
  const retries = new RetryService(cluster), console = openConsole(options, host, { deadLetters, retries, problemOf });
  const routes = [
    ...healthRoutes(health),
    ...problemRoutes(),
    ...metricsRoutes(() => metering.metrics.page()),
    ...functionRoutes(status, identityOf(config, registry.project)),
    ...deadLetterRoutes(deadLetters, { names, ran }),
    ...retryRoutes(retries, { names, ran }),
    ...adminCatalogRoutes(registry, cluster.names, authentication),
    ...console?.routes ?? [],
  ];
  const handler = router(routes, {
    problemOf,
    guard: guardOf(config),
    meter: sharesPort ? undefined : metering.requests.admin, // the supervisor records the requests that it forwards
  });
  const { ADMIN_HOST: hostname, ADMIN_PORT: port } = config;
  const listener = listen({ hostname, port, variable: "ADMIN_PORT", handler, log });
  return {
    url: listener.url,
    problem: () => listener.problem(),
    stop: (graceMs) => {
      console?.stop(); // a page that is open would take all of the grace
      return listener.stop(graceMs);
    },
  };
}

function openConsole(
  { config, registry, cluster, clock, authentication, metering, outcomes, dev, sample, state }: AdminOptions,
  { dispatchers, options: { redact } }: FunctionHost,
  parts: Pick<ConsoleOptions, "deadLetters" | "retries" | "problemOf">,
): ConsoleRoutes | undefined {
  const { WEIR_CONSOLE: mode, WEIR_TRACE_URL: traceUrl, WEIR_ADMIN_KEY: key } = config;
  if (mode === "off") return undefined;
  return consoleRoutes({
    mode,
    dev: dev !== undefined,
    ...(key !== undefined && { key }),
    ...(traceUrl !== undefined && { traceUrl }),
    exposed: !LOOPBACK.test(config.ADMIN_HOST),
    identity: identityOf(config, registry.project),
    registry,
    cluster,
    dispatchers,
    outcomes,
    clock,
    ...parts,
    publisher: metering.publisher(cluster.failFastPublisher),
    redact,
    ...(sample && { sample }),
    needsKey: !authentication.keys.isOpen,
    publicUrl: () => dev?.url ?? state.publicListener?.url ?? "",
  });
}

/** Returns the identity of a process with this configuration. @param project Name of its project. Default: none. */
export function identityOf({ WEIR_NAMESPACE: namespace, NATS_URL }: Config, project?: string): RuntimeIdentity {
  return { project, namespace, nats: NATS_URL.map(withoutPassword).join(",") };
}
