/**
 * The rules that keep the traceability table true. Each takes the rows and a way to read files, and returns faults as
 * sentences; nothing here touches the disk.
 */

import { findExports, hasMember, scanCode } from '../architecture/source-scanner.ts';
import type { Row } from './rows.ts';

export interface ProjectFiles {
  /** Paths below `src` of all files whose citations count. */
  readonly sourcePaths: readonly string[];
  /** Text of a file below `src`, or `undefined` when there is none. */
  readSource(path: string): string | undefined;
  /** Text of a file below `test`, or `undefined` when there is none. */
  readTest(path: string): string | undefined;
}

export interface Citation {
  readonly section: string;
  readonly line: number;
}

/**
 * `RFC 7692 §7.2.1` names another document's section; `RFC 6455 §5.2` is ours; `§5.1 to §5.3` are three. Comment marks may
 * stand between.
 */
const CITATION = /(?:RFC (\d+)[\s*/]+)?§(\d+(?:\.\d+)*)(?: to §(\d+(?:\.\d+)*))?/g;

/** The sections of a range below one parent; of any other the ends. */
function sectionsOf(first: string, last = first): string[] {
  const [, parent, from] = /^(.*?)(\d+)$/.exec(first)!;
  const to = Number(last.startsWith(parent!) ? last.slice(parent!.length) : Number.NaN);
  if (!(to >= Number(from))) return [first, last];
  return Array.from({ length: to - Number(from) + 1 }, (_, i) => `${parent}${Number(from) + i}`);
}

/** The RFCs whose requirements have rows, and what their sections begin with. */
const TRACED: ReadonlyMap<string, string> = new Map([
  ['6455', ''],
  ['8441', '8441-'],
]);

/** The sections of the traced RFCs that a text cites; those of RFC 8441 as `8441-5`. */
export function findCitations(text: string): Citation[] {
  return [...text.matchAll(CITATION)].flatMap(({ 1: rfc = '6455', 2: first, 3: last, index }) => {
    const prefix = TRACED.get(rfc);
    if (prefix === undefined) return [];
    const line = text.slice(0, index).split('\n').length;
    return sectionsOf(first!, last).map((section) => ({ section: prefix + section, line }));
  });
}

/** As texts cite it. */
function nameOf(section: string): string {
  const [number, rfc] = section.split('-').reverse();
  return rfc === undefined ? `§${number}` : `RFC ${rfc} §${number}`;
}

/** Whether `section` is `ancestor` or lies below it: §5.5.1 is within §5.5 and within §5, but not within §5.5.2. */
export function isWithin(section: string, ancestor: string): boolean {
  return section === ancestor || section.startsWith(`${ancestor}.`);
}

function findIdFaults(rows: readonly Row[]): string[] {
  const seen = new Set<string>();
  return rows.flatMap((row) => {
    const faults: string[] = [];
    if (seen.has(row.id)) faults.push(`${row.id}: the id is used twice`);
    seen.add(row.id);
    const section = /^[RD]((?:8441-)?\d+(?:\.\d+)*)-\d\d$/.exec(row.id)?.[1];
    if (section === undefined) faults.push(`${row.id || `line ${row.line}`}: an id looks like R5.5.1-03 or D7.1.5-01`);
    else if (section !== row.section) faults.push(`${row.id}: stands in ${nameOf(row.section)}`);
    if (row.requirement === '') faults.push(`${row.id}: the requirement is empty`);
    return faults;
  });
}

function findStatusFaults({ id, status, symbol, test }: Row): string[] {
  const reason = /^exception:(.*)$/s.exec(status)?.[1];
  if (reason !== undefined) return reason.trim() === '' ? [`${id}: an exception needs a reason`] : [];
  if (status !== 'covered') return [`${id}: the status '${status}' is neither 'covered' nor 'exception: reason'`];
  const faults: string[] = [];
  if (symbol === '') faults.push(`${id}: covered, but by no symbol`);
  if (test === '') faults.push(`${id}: covered, but by no test`);
  return faults;
}

function findSymbolFaults({ id, section, symbol }: Row, files: ProjectFiles): string[] {
  if (symbol === '') return [];
  const [path, name, member] = /^([^#]+)#([^.]+)(?:\.(.+))?$/.exec(symbol)?.slice(1) ?? [];
  if (path === undefined || name === undefined) return [`${id}: '${symbol}' is no file#exportedName`];
  const text = files.readSource(path);
  if (text === undefined) return [`${id}: src/${path} does not exist`];
  const faults: string[] = [];
  if (!findExports(text).has(name)) faults.push(`${id}: src/${path} does not export ${name}`);
  else if (member !== undefined && !hasMember(text, name, member)) {
    faults.push(`${id}: ${name} in src/${path} has no member ${member}`);
  }
  if (!findCitations(text).some((citation) => isWithin(citation.section, section))) {
    faults.push(`${id}: src/${path} does not cite ${nameOf(section)}`);
  }
  return faults;
}

function findTestFaults({ id, test }: Row, files: ProjectFiles): string[] {
  if (test === '') return [];
  const [path, title] = /^(.+?\.test\.ts) > (.+)$/s.exec(test)?.slice(1) ?? [];
  if (path === undefined || title === undefined) return [`${id}: '${test}' is no file.test.ts > title`];
  const text = files.readTest(path);
  if (text === undefined) return [`${id}: test/${path} does not exist`];
  // Titles stand in calls and in rows of tables; a literal without a space is data, such as the name of a header.
  const titles = new Set(
    scanCode(text)
      .filter(
        ({ kind, text }) => (kind === 'string' || kind === 'template') && /\s/.test(text) && text.startsWith(title),
      )
      .map((token) => token.text),
  );
  if (titles.size === 0) return [`${id}: test/${path} has no test titled '${title}'`];
  if (titles.size > 1 && !titles.has(title)) return [`${id}: '${title}' begins ${titles.size} titles of test/${path}`];
  return [];
}

/**
 * A cited section is accounted for when a row has that very section, or when the citation names a whole chapter or
 * part (§5, §7.1) below which a row stands. A row of the parent is not enough: §5.5.3 needs its own row even if §5.5
 * has one.
 */
function findCitationFaults(rows: readonly Row[], files: ProjectFiles): string[] {
  const sections = new Set(rows.map((row) => row.section));
  const isKnown = (cited: string) => [...sections].some((section) => isWithin(section, cited));
  return files.sourcePaths.flatMap((path) =>
    findCitations(files.readSource(path) ?? '')
      .filter((citation) => !isKnown(citation.section))
      .map(
        (citation) =>
          `src/${path}:${citation.line}: cites ${nameOf(citation.section)}, which no row of the table names`,
      ),
  );
}

/** Everything that makes the table untrue, one sentence each; an empty array when it holds. */
export function findTraceabilityFaults(rows: readonly Row[], files: ProjectFiles): string[] {
  return [
    ...findIdFaults(rows),
    ...rows.flatMap((row) => [
      ...findStatusFaults(row),
      ...findSymbolFaults(row, files),
      ...findTestFaults(row, files),
    ]),
    ...findCitationFaults(rows, files),
  ];
}
