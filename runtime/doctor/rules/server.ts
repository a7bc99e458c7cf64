import { LOOPBACK } from "../../app/config.ts";
import { isSecure, OLDEST_SECURE, OLDEST_SUPPORTED, parseVersion } from "../../core/server_version.ts";
import { connected, type Facts, known } from "../facts.ts";
import { span } from "../format.ts";
import { type Rule, rulesOf } from "../rule.ts";

const CLOCK_OFFSET_MS = { warning: 1_000, error: 5_000 };

export const SERVER: readonly Rule[] = rulesOf("server", [
  {
    id: "connection",
    severity: "error",
    holds: `Weir can connect to NATS ${OLDEST_SUPPORTED} or newer, with JetStream`,
    why: "Nothing runs without it.",
    fix:
      "check NATS_URL (the client port is 4222; 8222 is monitoring), credentials and NATS_TLS_CA; start NATS with -js",
    find: (facts) => {
      const { connection, config } = facts;
      known(config);
      if ("value" in connection) return [];
      return [{ what: connection.unknown, fix: connectionFix(connection.unknown, facts) }];
    },
  },
  {
    id: "all-servers",
    holds: "every server of NATS_URL answers",
    why: "If one of the servers that answer stops, Weir may have no server left to reconnect to.",
    fix: "start the server, or remove it from NATS_URL",
    find: ({ servers, connection }) => {
      connected({ connection });
      return servers.filter(({ configured, problem }) => configured && problem !== undefined)
        .map(({ address, problem }) => ({ what: `${address} of NATS_URL does not answer: ${problem}` }));
    },
  },
  {
    id: "encryption",
    severity: "info",
    holds: "connections to NATS on other hosts are encrypted",
    why: "The network between can read every event, and a password or token too.",
    fix: "`tls://` in NATS_URL and `tls { … }` in the server's configuration; nothing if the network encrypts",
    find: ({ connection, config }) => {
      if (connected({ connection }).encrypted) return [];
      const { NATS_URL: urls, NATS_PASSWORD, NATS_TOKEN } = known(config);
      const remote = urls.map((url) => new URL(url.includes("://") ? url : `nats://${url}`))
        .filter(({ hostname }) => !LOOPBACK.test(hostname));
      if (remote.length === 0) return [];
      const what = `the connection to ${remote.map(({ host }) => host).join(", ")} is not encrypted`;
      const secret = NATS_PASSWORD ?? NATS_TOKEN ?? remote.find(({ username }) => username !== "");
      if (!secret) return [{ what }];
      return [{ severity: "warning", what: `${what}, and it carries a password or token` }];
    },
  },
  {
    id: "versions",
    holds: "all servers of the cluster have the same version",
    why: "A feature that only some servers have works or fails depending on which of them leads a stream.",
    fix: "upgrade the older servers",
    find: ({ servers, connection }) => {
      connected({ connection });
      const versions = Map.groupBy(servers.flatMap(({ info }) => info ?? []), ({ version }) => version);
      if (versions.size < 2) return [];
      const list = [...versions].map(([version, group]) =>
        `${version} (${group.map((server) => server.server_name).join(", ")})`
      );
      return [{ what: `the servers have ${versions.size} versions: ${list.join("; ")}` }];
    },
  },
  {
    id: "security",
    holds: `every server has ${OLDEST_SECURE} or newer`,
    why: "Older servers have security holes that are known.",
    fix: "upgrade the server",
    find: ({ servers, connection }) => {
      connected({ connection });
      return servers.flatMap(({ info }) => {
        const version = info && parseVersion(info.version);
        if (!version || isSecure(version)) return [];
        return [{
          severity: "warning",
          what: `${info.server_name} has ${version}, which has known security holes`,
          fix: `upgrade it to ${OLDEST_SECURE} or newer`,
        }];
      });
    },
  },
  {
    id: "clock",
    holds: "the clocks of this host and of the server agree to the second",
    why:
      "Logs, spans and published events carry this host's time, and a certificate or credential may count as expired. " +
      "For maxAge and delayed retries Weir goes by the server's clock, and waits by one that cannot be set.",
    fix: "set both clocks by NTP, with chrony or systemd-timesyncd: `timedatectl set-ntp true`",
    find: ({ clock }) => {
      const { aheadMs, errorMs } = known(clock), offsetMs = Math.abs(aheadMs) - errorMs;
      if (offsetMs < CLOCK_OFFSET_MS.warning) return [];
      const direction = aheadMs > 0 ? "ahead of" : "behind";
      return [{
        severity: offsetMs < CLOCK_OFFSET_MS.error ? "warning" : "error",
        what: `the server's clock is ${span(Math.abs(aheadMs))} ${direction} this host's`,
      }];
    },
  },
  {
    id: "readable",
    holds: "doctor could read all streams, consumers and counts",
    why: "Their problems would stay hidden.",
    fix: "allow the NATS user what the finding names, or run doctor as a user that may read it",
    find: ({ unreadable, connection }) => {
      connected({ connection });
      return unreadable.map((what) => ({ what: `not checked: ${what}` }));
    },
  },
]);

/** Fixes for a failed connection, by the text of its error. */
const CONNECTION_FIXES: readonly (readonly [problem: RegExp, fix: string])[] = [
  [
    /\bHTTP\//,
    "this is an HTTP port, such as that of NATS monitoring (8222): NATS_URL needs the client port, 4222",
  ],
  [/needs \d.*or newer/, `upgrade the nats-server to ${OLDEST_SUPPORTED} or newer`],
  [/JetStream/, "start nats-server with -js; in a server with accounts, write `jetstream: enabled` into this account"],
  [/authorization|authentication|user.*expired/i, "check NATS_CREDS, NATS_TOKEN, or NATS_USER and NATS_PASSWORD"],
  [
    /verify|self.signed|certificate|issuer/i,
    "NATS_TLS_CA=/path/to/ca.pem (and NATS_TLS_CERT, NATS_TLS_KEY if the server asks for a client certificate)",
  ],
];

/** Returns the fix for a failed connection, from the error and from the `INFO` of the configured servers. */
function connectionFix(problem: string, { servers, dev }: Pick<Facts, "servers" | "dev">): string {
  const [, fix] = CONNECTION_FIXES.find(([text]) => text.test(problem)) ?? [];
  if (fix !== undefined) return fix;
  const info = servers.find(({ configured, info }) => configured && info)?.info;
  if (info?.tls_required) {
    return "the server requires TLS: tls:// in NATS_URL, and NATS_TLS_CA, NATS_TLS_CERT, NATS_TLS_KEY";
  }
  if (info?.auth_required) {
    return "the server requires credentials: NATS_CREDS, NATS_TOKEN, or NATS_USER and NATS_PASSWORD";
  }
  if (dev) return "start a server with `deno task dev`, or set NATS_URL to yours";
  return "start the server, or correct NATS_URL=nats://HOST:4222";
}
