/** Variables that hold a secret, going by their names. */
const SECRET_NAME =
  /(SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|CREDS|API_?KEYS?|PRIVATE_KEY|ACCESS_KEY|TLS_KEY|OTLP(_[A-Z]+)?_HEADERS)(_FILE)?$/;
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
    const inUrls = [...value.matchAll(/\w:\/\/([^\s/@,]+)@/g)].flatMap((
      [, user],
    ) => [user, ...user.split(":").slice(1)]);
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
  if (forms.length === 0) return (text) => text;
  const longestFirst = [...new Set(forms)].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((form) => RegExp.escape(form)).join("|"), "g");
  return (text) => text.replace(pattern, REDACTED);
}

/** The lines of a credentials file that are no frame around it, and the secrets of `name:secret:pattern` lists. */
function partsOf(text: string): string[] {
  if (text.includes("\n")) return text.split("\n").filter((line) => line.length >= 20 && !/^[-*\s]|\s/.test(line));
  return text.split(",").flatMap((item) => item.split(/[:=]/, 2).slice(1));
}
