import { Command } from "commander";
import { examples } from "./terminal/command_line.ts";

/** Builds the command `completions`. @param programOf Returns the program whose commands are completed. */
export function completionsCommand(programOf: () => Promise<Command>): Command {
  return new Command("completions")
    .description("Print a script by which bash completes `deno task` with the commands of Weir and their options.")
    .addHelpText("after", examples("completions >> ~/.bashrc"))
    .action(async () => console.log(completionScript(await programOf())));
}

export function completionScript(program: Command): string {
  const cases = wordsAfter(program, ["task"]).sort(([a], [b]) => b.length - a.length)
    .map(([path, words]) => `    "${path}"|"${path} "*) words="${words.join(" ")}" ;;`);
  // Deno's own completions may be loaded already. They complete everything that is not a task.
  return `_weir_found=$(complete -p deno 2>/dev/null | sed -n '/ _weir_deno /!s/.*-F \\([^ ]*\\) .*/\\1/p')
_weir_others="\${_weir_found:-\${_weir_others-}}"
_weir_deno() {
  local words=""
  if [[ "\${COMP_WORDS[1]}" != task && -n "$_weir_others" ]]; then "$_weir_others" "$@"; return; fi
  case "\${COMP_WORDS[*]:1:COMP_CWORD-1}" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _weir_deno deno`;
}

/** Returns the words that may follow each command, by the words that call it. */
function wordsAfter(parent: Command, path: readonly string[]): [path: string, words: string[]][] {
  const help = parent.createHelp(), commands = help.visibleCommands(parent).filter((child) => child.name() !== "help");
  const options = path.length > 1 ? help.visibleOptions(parent).flatMap(({ long }) => long ?? []) : [];
  const own: [string, string[]] = [path.join(" "), [...commands.map((child) => child.name()), ...options]];
  return [own, ...commands.flatMap((child) => wordsAfter(child, [...path, child.name()]))];
}
