import { importOf, importOrder } from "./typescript_text.ts";

/** An event to declare. */
interface NewEvent {
  readonly name: string;
  readonly type: string;
  /** Whether the ingress accepts the event. */
  readonly ingress: boolean;
}

/** Returns a file of `schemas/` with these events at its end and the imports they need. */
export function withEvents(source: string, events: readonly NewEvent[]): string {
  let text = withImport(source, "z", "zod", /^import\s+(\{[^}]*\bz\b[^}]*\}|\*\s+as\s+z|z)\s+from\s+["']zod["']/m);
  text = withImport(
    text,
    "defineEvent",
    "weir",
    /^import\s+\{[^}]*\bdefineEvent\b(?!\s+as\b)[^}]*\}\s+from\s+["']weir["']/m,
  );
  return [text.trimEnd(), ...events.map(declaration)].join("\n\n") + "\n";
}

function declaration({ name, type, ingress }: NewEvent): string {
  const published =
    `  ingress: {}, // accepted from outside, at POST /events/${type}; without this only functions emit it\n`;
  return `/** ${type}: describe what happened. */
export const ${name} = defineEvent({
  type: "${type}",
  version: 1,
  // Replace this with the data of the event.
  data: z.object({ id: z.string() }),
${ingress ? published : ""}});`;
}

/** Adds a name to an import, or adds an import line where the formatter would sort it. */
function withImport(source: string, name: string, from: string, present: RegExp): string {
  if (present.test(source)) return source;
  const others = new RegExp(`^import\\s+\\{([^}]*)\\}\\s+from\\s+["']${from}["'];?`, "m").exec(source);
  if (others && !/\/[/*]/.test(others[1])) {
    const names = others[1].split(",").map((name) => name.trim()).filter((name) => name !== "");
    return source.replace(others[0], () => importOf([...names, name], from));
  }
  const line = importOf([name], from) + "\n";
  const imports = [...source.matchAll(/^import\b[^;]*?["']([^"']+)["'];?.*\n?/gm)];
  const next = imports.find(([, specifier]) => importOrder(from, specifier) <= 0), last = imports.at(-1);
  if (next) return insert(source, next.index, line);
  if (last) return insert(source, last.index + last[0].length, last[0].endsWith("\n") ? line : `\n${line}`);
  const [head] = /^(\/\/.*\n)*/.exec(source)!;
  const rest = source.slice(head.length).replace(/^\n+/, "");
  return head + line + (rest === "" ? "" : `\n${rest}`);
}

function insert(text: string, at: number, added: string): string {
  return text.slice(0, at) + added + text.slice(at);
}
