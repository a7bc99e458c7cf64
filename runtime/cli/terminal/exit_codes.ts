/** What the exit code of every command says. */
export const EXIT_CODES = {
  /** It did what it was asked to. */
  done: 0,
  /** It did not, or found something wrong; the last line says what. */
  failed: 1,
  /** `plan` only: the cluster is not as the project wants it, and `apply` would change that. */
  changes: 2,
  /** The command line is not one that it understands. */
  usage: 64,
  /** Ended by Ctrl-C a second time, before it was done. */
  interrupted: 130,
} as const;

/** Ends a command with a code of its own; with an empty message, without a word. */
export class CommandFailure extends Error {
  constructor(message: string, readonly code: number = EXIT_CODES.failed) {
    super(message);
  }
}

/** For the foot of `--help`. */
export const EXIT_CODE_HELP =
  "Exit codes: 0 done; 1 it failed, the last line says why; 2 `plan` found changes; 64 wrong command line.";
