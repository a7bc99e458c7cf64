/**
 * Runs a command to its end and returns its standard output, in English and without colours, because callers parse it.
 *
 * @throws {Error} with the command and its last lines of output when it fails.
 */
export async function run(command: string, args: string[], { cwd }: { cwd?: string } = {}): Promise<string> {
  const output = await new Deno.Command(command, {
    args,
    cwd,
    env: { LC_ALL: "C", NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  const stdout = decoder.decode(output.stdout);
  if (output.success) return stdout;
  const said = `${stdout}\n${decoder.decode(output.stderr)}`.trim().split("\n").slice(-8).join("\n  ");
  const how = output.signal ? `was killed by ${output.signal}` : `failed with exit code ${output.code}`;
  throw new Error(`\`${[command, ...args].join(" ")}\` ${how}:\n  ${said}`);
}
