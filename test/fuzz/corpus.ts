/** The inputs that are kept: for each target a file, with an input in base64 on each line, the shortest first. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CORPUS = fileURLToPath(new URL('corpus', import.meta.url));

export function readCorpus(folder: string, target: string): Uint8Array[] {
  const path = join(folder, `${target}.txt`);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'latin1').split('\n');
  return lines.slice(0, -1).map((line) => new Uint8Array(Buffer.from(line, 'base64')));
}

export function writeCorpus(folder: string, target: string, inputs: readonly Uint8Array[]): void {
  const lines = inputs.map((input) => `${Buffer.from(input).toString('base64')}\n`);
  writeFileSync(join(folder, `${target}.txt`), lines.join(''));
}
