/** The files that `framewright conformance` writes: that they can be written is found out before the minutes of a run. */

import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type Baseline,
  caseFileName,
  type SuiteReport,
  toCaseReport,
  toHtmlReport,
  toIndexReport,
  toJUnitReport,
  toMarkdownSummary,
  toTapReport,
} from '../conformance/index.ts';
import type { ReportPaths } from './conformance-options.ts';
import { complain } from './terminal.ts';

/** TAP on standard output, in place of the report. */
export const STANDARD_OUTPUT = '-';

/** Says what cannot be written. @param baseline the file that will be written anew, if one will be */
export function canWriteReports({ outdir, summary: _, ...files }: ReportPaths, baseline: string | undefined): boolean {
  const paths = [...Object.values(files), baseline].filter((path) => path !== undefined && path !== STANDARD_OUTPUT);
  return (
    attempt(outdir, () => mkdirSync(outdir!, { recursive: true })) &&
    paths.every((path) => canWrite(path!)) &&
    (outdir === undefined || canWrite(join(outdir, 'index.json')))
  );
}

function canWrite(path: string): boolean {
  return attempt(path, () => {
    const isNew = !existsSync(path);
    closeSync(openSync(path, 'a'));
    if (isNew) unlinkSync(path);
  });
}

/** Writes whatever was asked for. @returns whether all of it could be written */
export function writeReports(reports: readonly SuiteReport[], paths: ReportPaths, baseline: Baseline): boolean {
  const { html, json, outdir, junit, tap, summary } = paths;
  const wasWritten = [
    write(html, () => toHtmlReport(reports, baseline)),
    write(json, () => indexJson(reports)),
    write(junit, () => toJUnitReport(reports, baseline)),
    write(tap === STANDARD_OUTPUT ? undefined : tap, () => toTapReport(reports, baseline)),
    writeFolder(outdir, reports, baseline),
  ];
  // Of what nobody has asked for, a fault changes nothing.
  attempt(summary, () => appendFileSync(summary!, toMarkdownSummary(reports, baseline)));
  return wasWritten.every(Boolean);
}

function writeFolder(folder: string | undefined, reports: readonly SuiteReport[], baseline: Baseline): boolean {
  if (folder === undefined) return true;
  const cases = reports.flatMap((report) =>
    report.results.map((result) => {
      const path = join(folder, caseFileName(report.agent, result.id));
      return write(path, () => formatJson(toCaseReport(report, result)));
    }),
  );
  const isIndexWritten = write(join(folder, 'index.json'), () => indexJson(reports));
  return (
    write(join(folder, 'index.html'), () => toHtmlReport(reports, baseline)) && isIndexWritten && cases.every(Boolean)
  );
}

function indexJson(reports: readonly SuiteReport[]): string {
  return formatJson(Object.assign({}, ...reports.map(toIndexReport)));
}

/** As Autobahn writes it. */
function formatJson(value: object): string {
  return JSON.stringify(value, null, 3);
}

export function write(path: string | undefined, content: () => string): boolean {
  return attempt(path, () => writeFileSync(path!, content()));
}

/** Whether it went well, or there was nothing to do; else says what did not. */
function attempt(path: string | undefined, act: () => unknown): boolean {
  if (path === undefined) return true;
  try {
    act();
    return true;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = code === 'ENOENT' ? `: there is no folder ${dirname(path)}, make it first` : '';
    complain(`conformance: cannot write ${path}: ${message}${advice}`);
    return false;
  }
}
