import { paint } from "./output.ts";

/** Command that runs Deno here. After `npx deno` there is no `deno` on PATH. */
export const DENO: string = /[\\/]_npx[\\/]/.test(Deno.execPath()) ? "npx -y deno@2.9" : "deno";

export function printNextCommands(commands: readonly string[]): void {
  console.log(`\n${paint("bold", "next")}\n${commands.map((command) => `  ${command}`).join("\n")}`);
}

/** Quotes a word for a shell, if it needs quotes. */
export function shellQuoted(text: string): string {
  return /^[\w./~-][\w./~=:,@+-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
