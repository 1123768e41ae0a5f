/** The parts that need no socket: one function of the library, again and again, in a process of its own. */

import { SERVER_CORE } from './cells.ts';
import type { Figures } from './load/contract.ts';
import type { Cell, Part, Settings } from './part.ts';
import { inProcessSubjectOf, parseSubjectName, type Subject } from './subjects.ts';
import { runOnCore } from './support/processes.ts';
import { formatBytes } from './support/report.ts';

const WORKER = new URL('./in-process/worker.ts', import.meta.url);
const KIB = 1024;
const SIZES = [16, 128, KIB, 16 * KIB, 64 * KIB];

interface Table {
  readonly name: string;
  readonly summary: string;
  readonly subjects: readonly string[];
  readonly rows: readonly { readonly name: string; readonly cell: object }[];
}

function partOf({ name, summary, subjects, rows }: Table): Part {
  function measure(subject: Subject, cell: object, { timing }: Settings): Promise<Figures> {
    // ws-nobu is ws in another environment.
    const entry = parseSubjectName(subject.name).base.replace('-nobu', '');
    const args = [name, entry, JSON.stringify(cell), String(timing.durationMs / 2)];
    return runOnCore<Figures>(SERVER_CORE, WORKER, args, subject);
  }
  return {
    name,
    summary,
    subjects,
    base: 'ws',
    resolve: inProcessSubjectOf,
    figures: [{ key: 'perSecond', title: 'messages/s', format: 'rate', isCompared: true }],
    cells: (settings) =>
      rows
        .filter((_, i) => !settings.isQuick || i % 2 === 1)
        .map((row): Cell => ({ name: row.name, measure: (subject) => measure(subject, row.cell, settings) })),
  };
}

const parse: Table = {
  name: 'parse',
  summary: 'in process: masked binary frames in, messages out',
  subjects: ['framewright', 'framewright-shared', 'ws', 'ws-nobu', 'memcpy', 'xor-js'],
  rows: [0, 1448].flatMap((chunkBytes) =>
    [...SIZES, KIB * KIB].map((payloadBytes) => ({
      name: `${formatBytes(payloadBytes)}${chunkBytes === 0 ? '' : ', cut at 1,448 bytes'}`,
      cell: { payloadBytes, chunkBytes },
    })),
  ),
};

const write: Table = {
  name: 'write',
  summary: 'in process: 16 messages at once to a socket that takes everything',
  subjects: ['framewright', 'ws', 'ws-nobu'],
  rows: (['server', 'client'] as const).flatMap((role) =>
    SIZES.map((payloadBytes) => ({ name: `${role}, ${formatBytes(payloadBytes)}`, cell: { payloadBytes, role } })),
  ),
};

const mask: Table = {
  name: 'mask',
  summary: 'in process: unmasking in place, at the place that a short header leaves it',
  subjects: ['reference', 'framewright', 'framewright-kernel', 'framewright-elsewhere', 'ws', 'ws-nobu'],
  rows: SIZES.map((payloadBytes) => ({
    name: formatBytes(payloadBytes),
    cell: { payloadBytes },
  })),
};

const utf8: Table = {
  name: 'utf8',
  summary: 'in process: validating a whole text',
  subjects: ['framewright', 'native', 'ws'],
  rows: [true, false].flatMap((isAscii) =>
    [16, 128, KIB, 64 * KIB].map((payloadBytes) => ({
      name: `${isAscii ? 'ASCII' : 'mixed'}, ${formatBytes(payloadBytes)}`,
      cell: { payloadBytes, isAscii },
    })),
  ),
};

export const IN_PROCESS_PARTS: readonly Part[] = [parse, write, mask, utf8].map(partOf);
