import { isModule } from "../../project/list_files.ts";

/** Names that a module cannot declare. */
const RESERVED = new Set(
  ("abstract any arguments as async await boolean break case catch class const continue debugger default delete do else " +
    "enum eval export extends false finally for function if implements import in instanceof interface let new null " +
    "number object package private protected public return static string super switch this throw true try type " +
    "typeof undefined var void while with yield Deno").split(" "),
);

/** Returns the export name of an event: `orders.created` becomes `OrderCreated`, with the singular of the plural. */
export function eventName(type: string, taken: (name: string) => boolean = () => false): string {
  const tokens = type.split(".");
  const name = pascal([...tokens.slice(0, -1).map(singular), tokens.at(-1)!]);
  return free([name, pascal(tokens), `${name}Event`], taken);
}

/** Returns the name under which a test imports a function: a file's name may contain `-` or be a reserved word. */
export function functionName(name: string, taken: (name: string) => boolean): string {
  const [first, ...rest] = words(name);
  const joined = first + rest.map(capital).join("");
  return free([joined, `${joined}Function`], (name) => RESERVED.has(name) || taken(name));
}

/** Returns the first name that is not taken, or else the first name with a number appended. */
export function free(names: readonly string[], taken: (name: string) => boolean): string {
  const found = names.find((name) => !taken(name));
  if (found !== undefined) return found;
  for (let i = 2;; i++) if (!taken(names[0] + i)) return names[0] + i;
}

/** Returns the file of `schemas/` for a new event, by its first token. An existing file may differ in case. */
export function schemaFile(type: string, existing: readonly string[]): string {
  const first = type.split(".")[0].replace(/^[_-]+/, "") || "events";
  const name = isModule(`${first}.ts`) ? `${first}.ts` : `${first}_events.ts`;
  return existing.find((file) => file.toLowerCase() === name.toLowerCase()) ?? name;
}

function singular(token: string): string {
  if (/(ss|us|is|series|species|news)$/i.test(token)) return token;
  if (/(movie|cookie|calorie)s$/i.test(token)) return token.slice(0, -1);
  if (/(status|bonus|virus|alias|campus)es$/i.test(token)) return token.slice(0, -2);
  if (/[^aeiou]ies$/i.test(token)) return token.slice(0, -3) + "y";
  if (/(ss|x|ch|sh|zz)es$/i.test(token)) return token.slice(0, -2);
  return token.length > 2 ? token.replace(/s$/i, "") : token;
}

function pascal(tokens: readonly string[]): string {
  const name = tokens.flatMap(words).map(capital).join("");
  return /^[A-Za-z]/.test(name) ? name : `Event${name}`;
}

function words(token: string): string[] {
  return token.split(/[_-]+/).filter((word) => word !== "");
}

function capital(word: string): string {
  return word[0].toUpperCase() + word.slice(1);
}
