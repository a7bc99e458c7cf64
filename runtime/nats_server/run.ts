/** Where and with what a tool is run. */
interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
}

/**
 * Runs a tool to its end and returns what it printed on stdout.
 *
 * A failure is an error that carries the command and the last lines it printed, since those name the cause.
 * Output is asked for in English (`LC_ALL=C`), because callers parse it.
 */
export async function run(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  const output = await new Deno.Command(command, {
    args,
    cwd: options.cwd,
    env: { LC_ALL: "C", ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  const stdout = decoder.decode(output.stdout);
  if (output.success) return stdout;
  const said = `${stdout}\n${decoder.decode(output.stderr)}`.trim().split("\n").slice(-8).join("\n  ");
  const how = output.signal ? `was ended by ${output.signal}` : `failed with exit code ${output.code}`;
  throw new Error(`\`${[command, ...args].join(" ")}\` ${how}:\n  ${said}`);
}
