import { OLDEST_SUPPORTED } from "../core/server_version.ts";
import type { Facts } from "./facts.ts";

/** What to do so that NATS lets us in, from what it said and from what its servers say to whoever knocks. */
export function connectionFix(problem: string, { servers, dev }: Pick<Facts, "servers" | "dev">): string {
  const told = servers.filter(({ configured }) => configured);
  const greeting = told.find(({ info }) => info)?.info;
  if (/\bHTTP\//.test(problem)) {
    return "that is an HTTP port, such as NATS's monitoring (8222): NATS_URL wants the port of clients, 4222";
  }
  if (/needs \d.*or newer/.test(problem)) return `upgrade the nats-server to ${OLDEST_SUPPORTED} or newer`;
  if (/JetStream/.test(problem)) {
    return "start nats-server with -js, and in a server with accounts write `jetstream: enabled` into this one";
  }
  if (/authorization|authentication|user.*expired/i.test(problem)) {
    return "check NATS_CREDS, NATS_TOKEN, or NATS_USER and NATS_PASSWORD";
  }
  if (/verify|self.signed|certificate|issuer/i.test(problem)) {
    return "NATS_TLS_CA=/path/to/the/authority's.pem (and NATS_TLS_CERT, NATS_TLS_KEY where the server asks for one)";
  }
  if (greeting?.tls_required) {
    return "the server wants TLS: tls:// in NATS_URL, and NATS_TLS_CA, NATS_TLS_CERT, NATS_TLS_KEY";
  }
  if (greeting?.auth_required) {
    return "the server wants credentials: NATS_CREDS, NATS_TOKEN, or NATS_USER and NATS_PASSWORD";
  }
  if (dev) return "start one with `deno task dev`, or set NATS_URL to yours";
  return "start the server, or correct NATS_URL=nats://HOST:4222";
}
