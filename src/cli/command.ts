/** A sub-command of `framewright`, as the dispatch in `main.ts` sees it: that knows nothing else about them. */

export interface Command {
  /** The word that selects it: `framewright <name> …`. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `framewright <name> --help` prints. */
  readonly help: string;
  /**
   * Runs to the end.
   * @param args what stands behind the name
   * @returns the exit status: 0 success, 1 what was asked for did not hold or failed, 2 the arguments were wrong
   */
  run(args: readonly string[]): Promise<number>;
}
