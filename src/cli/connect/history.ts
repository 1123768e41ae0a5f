/** What was typed in earlier runs: the newest lines of a file that only its owner may read. */

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const MAX_LINES = 1000;
const OWNER_ONLY = 0o600;

/** `FRAMEWRIGHT_HISTORY` names another file; empty, it is for none. */
export function historyPath(environment: NodeJS.ProcessEnv): string | undefined {
  const { FRAMEWRIGHT_HISTORY: path } = environment;
  return path === undefined ? join(homedir(), '.framewright_history') : path || undefined;
}

export class History {
  /** Oldest first. */
  readonly lines: readonly string[];
  readonly #path: string | undefined;
  #newest: string | undefined;

  /** Without a file there is nothing to remember, and what cannot be kept is not. */
  constructor(path: string | undefined) {
    this.#path = path;
    const all = readLines(path);
    this.lines = all.slice(-MAX_LINES);
    this.#newest = this.lines.at(-1);
    if (path === undefined || all.length <= 2 * MAX_LINES) return;
    attempt(() => writeFileSync(path, `${this.lines.join('\n')}\n`, { mode: OWNER_ONLY }));
  }

  add(line: string): void {
    const path = this.#path;
    if (path === undefined || line.trim() === '' || line === this.#newest) return;
    this.#newest = line;
    attempt(() => appendFileSync(path, `${line}\n`, { mode: OWNER_ONLY }));
  }
}

function readLines(path: string | undefined): string[] {
  if (path === undefined) return [];
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // A history is a convenience.
  }
}
