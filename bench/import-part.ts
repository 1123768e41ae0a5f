/** What it costs to have the library: the time to load it in a process that has loaded nothing else, and its size. */

import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cell, Part } from './part.ts';
import { builtFile } from './servers/framewright-build.ts';
import type { Subject } from './subjects.ts';
import { peerFile } from './support/peers.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
/** Fresh processes for one figure, which is their median. */
const PROCESSES = 11;

interface Library {
  readonly require: string;
  readonly import: string;
  unpackedBytes(): number;
}

const LIBRARIES: Readonly<Record<string, Library>> = {
  framewright: { require: builtFile('index.js'), import: builtFile('index.mjs'), unpackedBytes: packedBytes },
  'ws-nobu': {
    require: peerFile('ws', 'index.js'),
    import: peerFile('ws', 'wrapper.mjs'),
    unpackedBytes: () => folderBytes(peerFile('ws', '')),
  },
};

/** As npm would publish it. */
function packedBytes(): number {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const report = JSON.parse(execFileSync('npm', args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] }).toString());
  return (Object.values(report)[0] as { unpackedSize: number }).unpackedSize;
}

function folderBytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => statSync(join(folder, path)));
  return files.reduce((bytes, file) => bytes + (file.isFile() ? file.size : 0), 0);
}

function measure(subject: Subject, way: 'require' | 'import', script: string) {
  const library = LIBRARIES[subject.name];
  if (library === undefined) throw new Error(`load: ${subject.name} is not measured here`);
  const file = fileURLToPath(new URL(script, import.meta.url));
  const runs = Array.from({ length: PROCESSES }, () =>
    Number(execFileSync(subject.command[0]!, [file, library[way]], { encoding: 'utf8' })),
  );
  const micros = runs.sort((a, b) => a - b)[PROCESSES >> 1]!;
  return Promise.resolve({ micros, bytes: library.unpackedBytes() });
}

const cells: readonly Cell[] = [
  { name: 'require', measure: (subject) => measure(subject, 'require', './import/require.cjs') },
  { name: 'import', measure: (subject) => measure(subject, 'import', './import/import.mjs') },
];

export const importPart: Part = {
  name: 'import',
  summary: 'loading the library in a fresh process',
  subjects: ['framewright', 'ws-nobu'],
  base: 'ws-nobu',
  figures: [
    { key: 'micros', title: 'µs', format: 'microseconds', isLowerBetter: true, isCompared: true },
    { key: 'bytes', title: 'unpacked bytes', format: 'bytes' },
  ],
  cells: () => cells,
};
