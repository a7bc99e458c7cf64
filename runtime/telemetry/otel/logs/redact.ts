const SECRET_NAME =
  /(SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|_PASS|CREDENTIALS?|CREDS|API_?KEYS?|_N?KEY|_AUTH|OTLP(_[A-Z]+)?_HEADERS)(_FILE)?$/;
/** Minimum characters of a redacted secret. Shorter ones occur in unrelated words. */
const MIN_LENGTH = 6;
/** Minimum characters of a secret line in a credentials file. Shorter lines are headings. */
const MIN_LINE_LENGTH = 20;
/** Characters of one text in a log line, a span or a dead letter: a long stack, and far less than an event. */
const MAX_TEXT = 16_384;
const REDACTED = "[redacted]";

export interface Redact {
  (text: string): string;
  /** Redacts these secrets as well from now on: secrets are rotated while a process runs. */
  readonly add?: (secrets: readonly string[]) => void;
}

/** Further secrets of this process, which cannot be found by the name of a variable. */
const declared = new Set<string>();

/** Declares secrets, which {@linkcode secretsOf} returns from then on. */
export function declareSecrets(secrets: readonly string[]): void {
  for (const secret of secrets) {
    const lines = secret.includes("\n") ? partsOf(secret) : [];
    for (const one of [secret, ...lines, ...credentialsIn(secret)]) declared.add(one);
  }
}

/**
 * Finds the secrets of an environment: the values of variables whose name says so, the contents of the files that
 * `NAME_FILE` variables name, and the credentials in URLs.
 *
 * @param readFile returns undefined for a file that cannot be read. Default: reads no files.
 */
export function secretsOf(
  environment: Readonly<Record<string, string>>,
  readFile: (path: string) => string | undefined = () => undefined,
): string[] {
  const found = Object.entries(environment).flatMap(([name, value]) => {
    // NATS takes a user without a password as a token. Elsewhere it is a name, and names are ordinary words.
    const inUrls = credentialsIn(value, name.startsWith("NATS_"));
    if (!SECRET_NAME.test(name)) return inUrls;
    const text = name.endsWith("_FILE") || /_(CREDS|TLS_KEY)$/.test(name) ? readFile(value) ?? value : value;
    if (name.endsWith("_FILE") && text === value) return inUrls;
    return [...secretsIn(text), ...inUrls];
  });
  return [...found, ...declared];
}

/** Returns the credentials in the URLs of a text. @param users Includes users without a password. Default: false. */
function credentialsIn(text: string, users = false): string[] {
  return [...text.matchAll(/\w:\/\/([^\s/@,]+)@/g)].flatMap(([, user]) => {
    const [, ...password] = user.split(":");
    if (password.length === 0) return users ? [user] : [];
    return [user, password.join(":"), percentDecoded(password.join(":"))];
  });
}

/** Returns the secrets in the text of a file or a variable: the whole, and its parts. */
export function secretsIn(text: string): string[] {
  return [text, ...partsOf(text)];
}

/**
 * Returns a function that redacts the queries of URLs, and these secrets, also as JSON or a URL writes them. It then
 * shortens the text: an error may quote a whole event, and spans and log lines wait in memory for their export.
 */
export function redactor(secrets: readonly string[]): Redact {
  const forms = new Set<string>();
  let pattern: RegExp | undefined;
  const add = (more: readonly string[]) => {
    for (const secret of more.map((text) => text.trim()).filter((text) => text.length >= MIN_LENGTH)) {
      forms.add(secret).add(JSON.stringify(secret).slice(1, -1)).add(encodeURIComponent(secret.toWellFormed()));
    }
    const longestFirst = [...forms].sort((a, b) => b.length - a.length);
    if (forms.size > 0) pattern = new RegExp(longestFirst.map((form) => RegExp.escape(form)).join("|"), "g");
  };
  add(secrets);
  const redact = (text: string) => {
    const shown = redactQueries(text);
    return shortened(pattern ? shown.replace(pattern, REDACTED) : shown);
  };
  return Object.assign(redact, { add });
}

function shortened(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  return `${text.slice(0, MAX_TEXT).toWellFormed()}… (${text.length - MAX_TEXT} more characters)`;
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Redacts the queries of URLs, which often hold keys. Errors of `fetch` contain the URL. */
function redactQueries(text: string): string {
  // The pattern matches every URL. A pattern that could fail at the end of a URL would be tried again at each URL
  // within, which takes quadratic time.
  return text.replace(/https?:\/\/[^\s"'()]+/g, (url) => url.replace(/^([^?#]+)\?.+/, `$1?${REDACTED}`));
}

/** Returns the key lines of a credentials file, or the secrets of a `name:secret:pattern` list. */
function partsOf(text: string): string[] {
  if (!text.includes("\n")) return text.split(",").flatMap((item) => item.split(/[:=]/, 2).slice(1));
  return text.split("\n").filter((line) => line.length >= MIN_LINE_LENGTH && !/^[-*\s]|\s/.test(line));
}
