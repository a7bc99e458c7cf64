import assert from "node:assert/strict";
import { Logger } from "../../../../runtime/telemetry/otel/logs/logger.ts";
import { redactor, secretsOf } from "../../../../runtime/telemetry/otel/logs/redact.ts";
import { takesAtMost } from "../../../support/cpu_time.ts";

const CREDS = `-----BEGIN NATS USER JWT-----
eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4
------END USER NKEY SEED------
`;
const FILES: Record<string, string> = { "/run/creds": CREDS, "/run/password": "of-a-file\n" };
const redact = redactor(secretsOf({
  NATS_URL: "nats://weir:hunter22@one:4222,nats://two:4222",
  NATS_CREDS: "/run/creds",
  NATS_PASSWORD_FILE: "/run/password",
  NATS_TOKEN: 'quoted "token" ä',
  WEIR_API_KEYS: "shop:key-of-the-shop,till:key-of-the-till:orders.>",
  STRIPE_SECRET: "sk_live_51",
  OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic dXNlcjpwYXNz",
  SHORT_TOKEN: "abc",
  GONE_TOKEN_FILE: "/run/gone",
  PAYMENT_URL: "https://payments.example/charge",
  HOME: "/home/weir",
}, (path) => FILES[path]));

for (
  const [what, text, expected] of [
    ["the password in a URL", "cannot reach nats://weir:hunter22@one:4222", "cannot reach nats://[redacted]@one:4222"],
    ["the password alone", "as hunter22", "as [redacted]"],
    ["the seed of a credentials file", "SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4", "[redacted]"],
    ["the token of a credentials file", "jwt eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ!", "jwt [redacted]!"],
    ["the contents of a file", "it is of-a-file.", "it is [redacted]."],
    ["an API key", "Bearer key-of-the-till", "Bearer [redacted]"],
    ["a secret of a handler", '{"key":"sk_live_51"}', '{"key":"[redacted]"}'],
    ["a header of the exporter", "Basic dXNlcjpwYXNz", "[redacted]"],
    ["a secret that JSON escapes", JSON.stringify({ t: 'quoted "token" ä' }), '{"t":"[redacted]"}'],
    ["a secret that a URL encodes", `?t=${encodeURIComponent('quoted "token" ä')}`, "?t=[redacted]"],
    ["every occurrence", "key-of-the-shop key-of-the-shop", "[redacted] [redacted]"],
    ["no ordinary words", "the shop and the till abc IMPORTANT", "the shop and the till abc IMPORTANT"],
    ["no host names", "two:4222 https://payments.example/charge /run/gone", undefined],
  ] as const
) {
  Deno.test(`redactor redacts ${what}`, () => {
    assert.equal(redact(text), expected ?? text);
  });
}

Deno.test("Logger redacts secrets in every field", () => {
  const lines: string[] = [];
  for (const format of ["json", "pretty"] as const) {
    const log = new Logger({ level: "info", format, write: (line) => lines.push(line), redact });
    log.error("login as hunter22 failed", {
      error: new Error("refused: hunter22", { cause: new Error("sk_live_51") }),
      nested: [{ password: "hunter22" }],
    });
  }
  assert.equal(lines.length, 2);
  for (const line of lines) assert.doesNotMatch(line, /hunter22|sk_live_51/);
  assert.equal(JSON.parse(lines[0]).message, "login as [redacted] failed");
});

Deno.test("redactor leaves a line unchanged if there are no secrets", () => {
  assert.equal(redactor(secretsOf({ HOME: "/home/weir" }))("as it is"), "as it is");
});

Deno.test("redactor leaves numbers of a line unchanged if a secret consists of digits, so that it stays JSON", () => {
  const lines: string[] = [];
  const redact = redactor(secretsOf({ NATS_PASSWORD: "123456" }));
  new Logger({ level: "info", format: "json", write: (line) => lines.push(line), redact })
    .info("again", { next_attempt_in_ms: 1_234_567, said: "it is 123456" });
  const { next_attempt_in_ms, said } = JSON.parse(lines[0]);
  assert.deepEqual([next_attempt_in_ms, said], [1_234_567, "it is [redacted]"]);
});

Deno.test("secretsOf takes a user without a password in a URL for a secret only for NATS, where it is a token", () => {
  const redact = redactor(secretsOf({ DATABASE_URL: "postgres://orders@db", NATS_URL: "nats://s3cr3t-token@one" }));
  assert.equal(redact("orders.created by s3cr3t-token"), "orders.created by [redacted]");
});

Deno.test("redactor redacts percent-encoded passwords in their plain form, and queries of URLs", () => {
  const redact = redactor(secretsOf({ DB_PASS: "hunter22", DATABASE_URL: "postgres://u:p%40ssword@db" }));
  assert.equal(redact("hunter22 p@ssword p%40ssword"), "[redacted] [redacted] [redacted]");
  const failed = "error sending request for url (https://pay.example/charge?api_key=abc): refused";
  assert.equal(redact(failed), "error sending request for url (https://pay.example/charge?[redacted]): refused");
});

Deno.test("redactor takes a time proportional to the text for URLs within URLs, and redacts the query behind them", () => {
  const redact = redactor([]);
  takesAtMost(1_000, () => redact("http://".repeat(150_000)));
  const urls = "http://".repeat(1_000);
  assert.equal(redact(`${urls}pay.example/?key=abc`), `${urls}pay.example/?[redacted]`);
  assert.equal(redact("http://a#b?c http://a?b?c#d"), "http://a#b?c http://a?[redacted]");
});

Deno.test("redactor shortens a text of a megabyte, after its secrets are removed", () => {
  const redact = redactor(secretsOf({ PAY_TOKEN: "hunter22-hunter22" })), text = "hunter22-hunter22 ".repeat(60_000);
  const shown = redact(text);
  assert.ok(shown.length < 17_000);
  assert.match(shown, /^\[redacted\] .*… \(\d+ more characters\)$/);
  assert.doesNotMatch(shown, /hunter/);
});
