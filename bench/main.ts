/** `npm run bench -- [PART…] [options]`: see USAGE. */

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { clusterPart } from './cluster-part.ts';
import { EXCHANGE_PARTS } from './exchange-parts.ts';
import { importPart } from './import-part.ts';
import { IN_PROCESS_PARTS } from './in-process-parts.ts';
import { addRounds, type CellResult, compare, type Part, type Settings } from './part.ts';
import { processesPart } from './processes-part.ts';
import { REALTIME_PARTS } from './realtime-parts.ts';
import { scalingPart } from './scaling-part.ts';
import { type Subject, subjectOf } from './subjects.ts';
import { DEFAULT_NODE, NODE_MAJORS, nodeVersion } from './support/nodes.ts';
import { installPeers } from './support/peers.ts';
import { hasTaskset, pinSelf } from './support/processes.ts';
import { environment, loadResult, saveFile, saveResult } from './support/report.ts';
import { formatCell } from './table.ts';
import { trialPart } from './trial-part.ts';
import { versionsPart } from './versions-part.ts';

const PARTS: readonly Part[] = [
  importPart,
  ...IN_PROCESS_PARTS,
  ...EXCHANGE_PARTS,
  clusterPart,
  versionsPart,
  ...REALTIME_PARTS,
  processesPart,
  scalingPart,
  trialPart,
];

const HEAP_MB = 80;

const USAGE = `npm run bench -- [PART…] [options]

Without a part, all of them. Every measurement runs in fresh processes, subjects in turn, round by round; a ratio above
1 is better than the part's base.

  --list             the parts, and the subjects of each
  --quick            fewer rounds, shorter, few cells: a glance, no result
  --full             every cell
  --cells A,B,…      only the cells whose names begin so, such as '1 KiB × 50, 16'
  --rounds N         default 5
  --seconds N        of each measurement; default 1
  --node N           what runs the servers: ${NODE_MAJORS.join(', ')}; default ${DEFAULT_NODE}
  --heap MB          of objects beside each server, as an application has them; default ${HEAP_MB}
  --peers A,B,…      these subjects in place of the part's: NAME[@NODE][:DIST], such as
                     framewright,framewright:/path/to/other/dist or framewright@24,ws@24
  --add              to the rounds that bench/results has of the part: for machines that are not one's own for long
  --json FILE        write what was measured there
  --help

bench/results gets the whole picture only: nothing of a --quick run, nor of one with --peers or --cells, nor on another
Node.js or beside another heap than the defaults.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    cells: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    node: { type: 'string', default: DEFAULT_NODE },
    heap: { type: 'string', default: String(HEAP_MB) },
    peers: { type: 'string' },
    add: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function positive(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} has to be a number above 0, not "${text}"`);
  return value;
}

function nodeMajorFromOptions(): string {
  if (!NODE_MAJORS.includes(values.node)) throw new Error(`--node has to be one of ${NODE_MAJORS.join(', ')}`);
  return values.node;
}

function heapFromOptions(): number {
  const value = Number(values.heap);
  if (!(value >= 0)) throw new Error(`--heap has to be a number of MB, not "${values.heap}"`);
  return value;
}

function settingsFromOptions(): Settings {
  const durationMs = positive('seconds', values.seconds, values.quick ? 0.5 : 1) * 1000;
  return {
    rounds: positive('rounds', values.rounds, values.quick ? 2 : 5),
    timing: { warmUpMs: durationMs / 2, durationMs },
    nodeMajor: nodeMajorFromOptions(),
    heapMb: heapFromOptions(),
    isQuick: values.quick,
    isFull: values.full,
  };
}

function partsFromNames(names: readonly string[]): readonly Part[] {
  if (names.length === 0) return PARTS;
  return names.map((name) => {
    const part = PARTS.find((one) => one.name === name);
    if (part === undefined)
      throw new Error(`No such part: ${name}. There are: ${PARTS.map((one) => one.name).join(', ')}`);
    return part;
  });
}

/** Those that can be measured here; the others are named. */
function subjectsOf(part: Part, settings: Settings): Subject[] {
  const names = values.peers?.split(',') ?? part.subjects;
  const subjects = names.map((name) => (part.resolve ?? subjectOf)(name, settings));
  for (const { name, missing } of subjects) if (missing !== undefined) console.log(`${name} is left out: ${missing}`);
  return subjects.filter(({ missing }) => missing === undefined);
}

/** Whether it is a result to be kept. */
function isWhole({ isQuick, nodeMajor, heapMb }: Settings): boolean {
  const isSelected = values.peers !== undefined || values.cells !== undefined;
  return !isQuick && !isSelected && nodeMajor === DEFAULT_NODE && heapMb === HEAP_MB;
}

/** @returns what goes into its JSON */
async function runPart(part: Part, settings: Settings): Promise<object> {
  console.log(`\n${part.name}: ${part.summary}; medians of ${settings.rounds} rounds\n`);
  const subjects = subjectsOf(part, settings);
  const results: CellResult[] = [];
  const beginnings = values.cells?.split(/,(?! |000)/) ?? [''];
  for (const cell of part.cells(settings)) {
    if (!beginnings.some((beginning) => cell.name.startsWith(beginning))) continue;
    const result = await compare(cell, subjects, settings.rounds);
    const earlier = values.add ? loadResult(part.name)?.cells.find(({ name }) => name === cell.name) : undefined;
    results.push(earlier === undefined ? result : addRounds(earlier, result));
    console.log(`${formatCell(results.at(-1)!, part)}\n`);
  }
  const { name, summary, base } = part;
  const report = { part: name, summary, base, settings, cells: results };
  if (isWhole(settings)) {
    saveResult(name, report);
    if (part.draw !== undefined) saveFile(`${name}.svg`, part.draw(results, settings));
  }
  return report;
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(USAGE);
  } else if (values.list) {
    for (const { name, summary, subjects } of PARTS) console.log(`${name}: ${summary}\n  ${subjects.join(', ')}`);
  } else {
    const parts = partsFromNames(positionals);
    const settings = settingsFromOptions();
    if (!hasTaskset) console.log('taskset is not there: server and load share their cores');
    installPeers();
    pinSelf(0);
    const { nodeMajor, heapMb } = settings;
    console.log(
      `Node.js ${nodeVersion(nodeMajor)}, ${heapMb} MB of objects beside each server; load: ${nodeVersion(DEFAULT_NODE)}`,
    );
    const reports: object[] = [];
    for (const part of parts) reports.push(await runPart(part, settings));
    if (values.json !== undefined) {
      writeFileSync(values.json, `${JSON.stringify({ environment: environment(nodeMajor), reports }, undefined, 2)}\n`);
    }
  }
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
