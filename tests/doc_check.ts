/**
 * Fails if a public symbol of the package has no documentation, or a public function or class has no example.
 * `deno test --doc` runs the examples. Types of parameters need not be public.
 */
const MODULES = ["runtime/mod.ts", "runtime/testing.ts"];

/** The part of the output of `deno doc --json` that this check reads. */
interface Documented {
  readonly nodes: Readonly<Record<string, { readonly symbols: readonly DocumentedSymbol[] }>>;
}
interface DocumentedSymbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly location: { readonly filename: string; readonly line: number };
    readonly jsDoc?: { readonly tags?: readonly { readonly kind: string; readonly doc?: string }[] };
  }[];
}

async function docOf(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", ...args, ...MODULES],
    env: { NO_COLOR: "1" },
  }).output();
  return { stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

const undocumented = (await docOf("--lint")).stderr.split(/(?=^error\[)/m)
  .filter((text) => text.startsWith("error["))
  .filter((text) => !text.includes("references private type '"));

const { nodes } = JSON.parse((await docOf("--json")).stdout) as Documented;
const symbols = Object.values(nodes).flatMap((module) => module.symbols);
if (symbols.length === 0) throw new Error("deno doc --json lists no symbol: its format may have changed");
const withoutExample = symbols.filter(({ declarations: [{ kind }] }) => kind === "function" || kind === "class").filter(
  (
    { declarations },
  ) => {
    const tags = declarations.flatMap(({ jsDoc }) => jsDoc?.tags ?? []);
    return !tags.some(({ kind, doc = "" }) => kind === "example" && /^```ts$/m.test(doc));
  },
).map(({ name, declarations: [{ location: { filename, line } }] }) => `${name} has no @example: ${filename}:${line}`);

console.log([...undocumented, ...withoutExample].join("\n"));
console.log(`${undocumented.length} public symbols need documentation, ${withoutExample.length} an example`);
if (undocumented.length + withoutExample.length > 0) Deno.exit(1);
