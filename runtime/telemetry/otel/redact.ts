/** Variables that hold a secret, going by their names. */
const SECRET_NAME =
  /(SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|_PASS|CREDENTIALS?|CREDS|API_?KEYS?|_KEY|_AUTH|OTLP(_[A-Z]+)?_HEADERS)(_FILE)?$/;
/** Shorter ones would be found in lines that have nothing to do with them. */
const SHORTEST = 6;
const REDACTED = "[redacted]";

/** Takes the values of secrets out of a text. */
export type Redact = (text: string) => string;

/**
 * Finds the secrets of an environment: of every variable whose name says so, of the file that a `NAME_FILE` names, and
 * the user's part of every URL.
 *
 * @param readFile undefined for a file that cannot be read
 */
export function secretsOf(
  environment: Readonly<Record<string, string>>,
  readFile: (path: string) => string | undefined = () => undefined,
): string[] {
  return Object.entries(environment).flatMap(([name, value]) => {
    const inUrls = [...value.matchAll(/\w:\/\/([^\s/@,]+)@/g)].flatMap(([, user]) => {
      const [, ...password] = user.split(":");
      // Alone it is a token to NATS; to anything else it is a name, and names are words.
      if (password.length === 0) return name.startsWith("NATS_") ? [user] : [];
      return [user, password.join(":"), decoded(password.join(":"))];
    });
    if (!SECRET_NAME.test(name)) return inUrls;
    const text = name.endsWith("_FILE") || /_(CREDS|TLS_KEY)$/.test(name) ? readFile(value) ?? value : value;
    if (name.endsWith("_FILE") && text === value) return inUrls;
    return [text, ...partsOf(text), ...inUrls];
  });
}

/** What takes them out of a line, as they are or as JSON or a URL would write them. */
export function redactor(secrets: readonly string[]): Redact {
  const forms = secrets.map((secret) => secret.trim()).filter((secret) => secret.length >= SHORTEST)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())]);
  if (forms.length === 0) return withoutQueries;
  const longestFirst = [...new Set(forms)].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((form) => RegExp.escape(form)).join("|"), "g");
  return (text) => withoutQueries(text).replace(pattern, REDACTED);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The queries of URLs, which an error of `fetch` names: keys are handed over in them. */
function withoutQueries(text: string): string {
  return text.replace(/(https?:\/\/[^\s"'?#()]+)\?[^\s"'()]+/g, `$1?${REDACTED}`);
}

/** The lines of a credentials file that are no frame around it, and the secrets of `name:secret:pattern` lists. */
function partsOf(text: string): string[] {
  if (text.includes("\n")) return text.split("\n").filter((line) => line.length >= 20 && !/^[-*\s]|\s/.test(line));
  return text.split(",").flatMap((item) => item.split(/[:=]/, 2).slice(1));
}
