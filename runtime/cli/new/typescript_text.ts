/** Writes TypeScript as `deno fmt` formats it. */

/** Columns of a line, as `lineWidth` in the deno.json of a project. */
export const WIDTH = 120;

/**
 * Formats a JSON value as a literal.
 *
 * @param before Columns of the line that other text takes. Default: 0.
 */
export function literal(value: unknown, indent = 0, before = 0): string {
  const line = flat(value);
  if (indent + before + line.length <= WIDTH || typeof value !== "object" || value === null) return line;
  const inner = " ".repeat(indent + 2), outer = " ".repeat(indent);
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => `${inner}${literal(item, indent + 2, 1)},\n`).join("")}${outer}]`;
  }
  const entries = Object.entries(value).map(([name, item]) => {
    const key = keyText(name);
    return `${inner}${key}: ${literal(item, indent + 2, key.length + 3)},\n`;
  });
  return `{\n${entries.join("")}${outer}}`;
}

function flat(value: unknown): string {
  if (typeof value === "string") return text(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(flat).join(", ")}]`;
  const entries = Object.entries(value).map(([name, item]) => `${keyText(name)}: ${flat(item)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/** Formats a string: in double quotes, unless it contains more of those than single quotes. */
export function text(value: string): string {
  const json = JSON.stringify(value);
  const doubles = value.split('"').length, singles = value.split("'").length;
  if (doubles <= singles) return json;
  return `'${json.slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

function keyText(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : text(name);
}

/** Formats an import of names such as `A`, `A as B` or `type A`, sorted. */
export function importOf(given: readonly string[], from: string): string {
  const names = [...given].sort((a, b) => inOrder(a.replace(/^type /, ""), b.replace(/^type /, "")));
  const line = `import { ${names.join(", ")} } from "${from}";`;
  return line.length <= WIDTH ? line : `import {\n${names.map((name) => `  ${name},\n`).join("")}} from "${from}";`;
}

/** Compares two import specifiers for a sort: packages come before files. */
export function importOrder(a: string, b: string): number {
  return Number(a.startsWith(".")) - Number(b.startsWith(".")) || inOrder(a, b);
}

function inOrder(a: string, b: string): number {
  const lower = a.toLowerCase(), other = b.toLowerCase();
  return lower < other ? -1 : lower > other ? 1 : 0;
}

/** Formats an array of expressions. `before` is the columns of the line that other text takes. */
export function list(items: readonly string[], indent: number, before: number): string {
  return enclosed("[", items, "]", indent, before);
}

/** Formats a call. `before` is the columns of the line that other text takes. */
export function callOf(name: string, items: readonly string[], indent: number, before: number): string {
  return enclosed(`${name}(`, items, ")", indent, before);
}

function enclosed(open: string, items: readonly string[], close: string, indent: number, before: number): string {
  const line = `${open}${items.join(", ")}${close}`;
  if (indent + before + line.length <= WIDTH) return line;
  const inner = " ".repeat(indent + 2);
  return `${open}\n${items.map((item) => `${inner}${item},\n`).join("")}${" ".repeat(indent)}${close}`;
}
