/**
 * Exit codes of the command line, the same for every command (docs/CLI.md). They are a contract:
 * scripts branch on them.
 */
export const ExitCode = {
  done: 0,
  unexpected: 1,
  usage: 2,
  noNode: 3,
  notFound: 4,
  timedOut: 5,
  refused: 6,
  remoteFailed: 7,
  partlyDone: 8,
  alreadySo: 9,
  interrupted: 130,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
