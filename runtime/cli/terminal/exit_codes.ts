export const EXIT_CODES = {
  done: 0,
  /** The command failed or found a problem. The last line says which. */
  failed: 1,
  /** `plan` only: the cluster differs from what the project declares, and `apply` would change it. */
  changes: 2,
  usage: 64,
  /** A second Ctrl-C ended the command before it was done. */
  interrupted: 130,
} as const;

/** Ends a command with an exit code. An empty message prints nothing. */
export class CommandFailure extends Error {
  constructor(message: string, readonly code: number = EXIT_CODES.failed, options?: ErrorOptions) {
    super(message, options);
  }
}

export function usageError(message: string): CommandFailure {
  return new CommandFailure(message, EXIT_CODES.usage);
}

export const EXIT_CODE_HELP =
  "Exit codes: 0 done; 1 failed, the last line says why; 2 `plan` found changes; 64 wrong command line.";
