import type { Registry } from "../../project/registry.ts";
import { permissionsOf } from "../../nats/topology/permissions.ts";
import { resourcesOf } from "../../app/resources.ts";
import { type Config, LOOPBACK } from "../../app/config.ts";
import { OLDEST_SUPPORTED } from "../../core/server_version.ts";
import { connectionFix } from "../connection_fix.ts";
import { connected, known } from "../facts.ts";
import { type Refusal, refusals } from "../permissions.ts";
import type { Rule } from "../rule.ts";
import { consumerNames } from "../consumers.ts";
import { span } from "../format.ts";

const SKEW_MS = { warning: 1_000, error: 5_000 };

/** The servers, and what they let us do. */
export const SERVER: readonly Rule[] = [
  {
    id: "connection",
    area: "server",
    holds: `NATS lets us in, has JetStream, and is ${OLDEST_SUPPORTED} or newer`,
    why: "nothing runs without it",
    fix: "check NATS_URL (clients' port is 4222, 8222 is monitoring), credentials, NATS_TLS_CA, and start it with -js",
    find: (facts) => {
      const { connection, config } = facts;
      known(config);
      if ("value" in connection) return [];
      return [{ severity: "error", what: connection.unknown, fix: connectionFix(connection.unknown, facts) }];
    },
  },
  {
    id: "all-servers",
    area: "server",
    holds: "every server of NATS_URL answers",
    why: "with only one of them there, its end is the end of the connection",
    fix: "start it, or take it out of NATS_URL",
    find: ({ servers, connection }) => {
      connected({ connection });
      return servers.filter(({ configured, problem }) => configured && problem !== undefined).map((one) => ({
        severity: "warning",
        what: `${one.address} of NATS_URL does not answer: ${one.problem}`,
        fix: `start the server at ${one.address}, or take it out of NATS_URL`,
      }));
    },
  },
  {
    id: "encryption",
    area: "server",
    holds: "what leaves this host for NATS is encrypted",
    why: "whoever is on the way reads events; a password or a token as well",
    fix: "`tls://` in NATS_URL and `tls { … }` in the server's configuration; nothing, where the network sees to it",
    find: ({ connection, config }) => {
      if (connected({ connection }).encrypted) return [];
      const { NATS_URL: urls, NATS_PASSWORD, NATS_TOKEN } = known(config);
      const away = urls.map((url) => new URL(url.includes("://") ? url : `nats://${url}`))
        .filter(({ hostname }) => !LOOPBACK.test(hostname));
      if (away.length === 0) return [];
      const secret = NATS_PASSWORD ?? NATS_TOKEN ?? away.find(({ username }) => username !== "");
      const hosts = away.map(({ host }) => host).join(", ");
      return [{
        severity: secret ? "warning" : "info",
        what: `the connection to ${hosts} is not encrypted${secret ? ", and a password or token goes over it" : ""}`,
        fix: `NATS_URL=${away.map(({ host }) => `tls://${host}`).join(",")}`,
      }];
    },
  },
  {
    id: "versions",
    area: "server",
    holds: "all servers of the cluster are of one version",
    why: "what one of them understands another may not: a leader that moves changes what works",
    fix: "upgrade the older ones",
    find: ({ servers, connection }) => {
      connected({ connection });
      const versions = Map.groupBy(servers.flatMap(({ info }) => info ?? []), ({ version }) => version);
      if (versions.size < 2) return [];
      const said = [...versions].map(([version, own]) =>
        `${version} (${own.map((one) => one.server_name).join(", ")})`
      );
      return [{
        severity: "warning",
        what: `servers are of ${versions.size} versions: ${said.join("; ")}`,
        fix: `upgrade all to ${
          [...versions.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1)
        }`,
      }];
    },
  },
  {
    id: "clock",
    area: "server",
    holds: "the clocks of this host and of the server agree to the second",
    why:
      "by it a function's maxAge is judged, a delayed retry comes due, and a repeat is told from JetStream's own memory",
    fix: "run chrony or systemd-timesyncd on both",
    find: ({ clock }) => {
      const { aheadMs, withinMs } = known(clock), least = Math.abs(aheadMs) - withinMs;
      if (least < SKEW_MS.warning) return [];
      const what = `the server's clock is ${span(Math.abs(aheadMs))} ${
        aheadMs > 0 ? "ahead of" : "behind"
      } this host's`;
      return [{
        severity: least < SKEW_MS.error ? "warning" : "error",
        what,
        fix: "set the clocks by NTP on both: `timedatectl set-ntp true`",
      }];
    },
  },
  {
    id: "permissions",
    area: "server",
    holds: "the NATS user may do all that Weir does",
    why: "what it may not fails when it is first done, which may be the first dead letter",
    fix: "the lines of the finding, in the user's permissions",
    find: ({ user, project, config, streams, consumers }) => {
      const there = new Set([
        ..."value" in streams ? streams.value.keys() : [],
        ..."value" in consumers ? consumerNames(consumers.value) : [],
      ]);
      const refused = refusals(known(user), permissionsOf(resourcesOf(runBy(known(config), known(project))), there));
      const groups = Map.groupBy(refused, ({ need, deniedBy }) => `${need.action}\n${need.purpose}\n${deniedBy ?? ""}`);
      return [...groups.values()].map((group) => ({
        severity: group[0].need.optional ? "warning" : "error",
        what: refusalText(known(user).user, group),
        fix: refusalFix(group),
      }));
    },
  },
  {
    id: "looked-at",
    area: "server",
    holds: "all streams, consumers and counts could be looked at",
    why: "what is wrong with them would not be seen",
    fix: "allow the NATS user what is named, or run doctor with one that may",
    find: ({ unread, connection }) => {
      connected({ connection });
      return unread.map((what) => ({
        severity: "warning",
        what: `not checked: ${what}`,
        fix: "allow the NATS user to publish that, or run doctor as one that may",
      }));
    },
  },
];

/** What of a project a process of this configuration runs: the others may have users of their own. */
function runBy(config: Config, project: Registry): Registry {
  const { WEIR_ROLES: roles, WEIR_FUNCTIONS: selected } = config;
  const functions = project.functions.filter(({ name }) => selected?.includes(name) ?? true);
  return {
    ...project,
    functions: roles.includes("functions") ? functions : [],
    events: roles.includes("ingress") ? project.events : new Map(),
  };
}

function refusalText(user: string, group: readonly Refusal[]): string {
  const [{ need, deniedBy }] = group, subjects = group.map((one) => one.need.subject).join(", ");
  const why = deniedBy === undefined ? "" : ` (its deny "${deniedBy}")`;
  return `the NATS user ${user} may not ${need.action} ${subjects}${why}, which Weir needs ${need.purpose}`;
}

function refusalFix(group: readonly Refusal[]): string {
  const [{ need, deniedBy }] = group;
  if (deniedBy !== undefined) return `take "${deniedBy}" out of the deny list of ${need.action}`;
  return `${need.action}: { allow: [${group.map((one) => `"${one.need.subject}"`).join(", ")}] } besides what is there`;
}
