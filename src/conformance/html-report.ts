/**
 * Results of any number of testees as one HTML page that needs nothing else: a table of cases and testees, and for each
 * result what was expected, what came, the opening handshake, and the wire read by the inspector. The data stand in the
 * page as JSON, compressed, with each text once; a script in the page draws what is looked at.
 */

import { deflateRawSync } from 'node:zlib';
import { sectionLabel, sectionUrl } from '../inspector/index.ts';
import type { Role } from '../protocol/index.ts';
import { type Baseline, isKnown, NO_BASELINE } from './baseline.ts';
import { cameWords, describeCase } from './case-description.ts';
import type { CaseResult } from './case-run.ts';
import {
  drawReport,
  type PageCase,
  type PageField,
  type PageFrame,
  type PageResult,
  type PageRow,
  type ReportData,
  startPage,
} from './report-page.ts';
import { REPORT_STYLE } from './report-style.ts';
import type { SuiteReport } from './suite.ts';
import { isPassing } from './verdict.ts';
import { readWireFrames, type WireFrame } from './wire-frames.ts';

export function toHtmlReport(reports: readonly SuiteReport[], baseline: Baseline = NO_BASELINE): string {
  const data = deflateRawSync(JSON.stringify(reportData(reports, baseline)), { level: 9 }).toString('base64');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>WebSocket conformance: ${escapeHtml(reports.map(({ agent }) => agent).join(', '))}</title>
<style>${REPORT_STYLE}</style>
<body>
<p id="wait">This report is drawn by a script that stands in it. If nothing more appears, allow scripts for this file.</p>
<script id="data" type="text/plain">${data}</script>
<script>
// Some tools that run TypeScript give functions their names by this.
const __name = (value) => value;
const drawReport = ${drawReport};
(${startPage})(drawReport);
</script>
</html>
`;
}

export function reportData(reports: readonly SuiteReport[], baseline: Baseline): ReportData {
  const texts = new Interner<string>((text) => text);
  const fields = new Interner<PageField>((field) => field.join());
  const ids = [...new Set(reports.flatMap(({ results }) => results.map(({ id }) => id)))].sort(compareCaseIds);
  return {
    agents: reports.map(({ agent, url, testee, startedAt, durationMs }) => {
      return { name: agent, url, testee, startedAt, durationMs };
    }),
    cases: ids.map(pageCase),
    results: reports.map(({ results, testee }) => {
      const byId = new Map(results.map((result) => [result.id, result]));
      return ids.map((id) => {
        const result = byId.get(id);
        return result === undefined ? null : pageResult(result, testee, baseline, texts, fields);
      });
    }),
    texts: texts.items,
    fields: fields.items,
  };
}

/** Autobahn's in numeric order, and then the others by their letters. */
function compareCaseIds(a: string, b: string): number {
  return Number(/^\D/.test(a)) - Number(/^\D/.test(b)) || a.localeCompare(b, 'en', { numeric: true });
}

/** Gives each value a number, the same one to equal values. */
class Interner<T> {
  readonly items: T[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly keyOf: (item: T) => string;

  constructor(keyOf: (item: T) => string) {
    this.keyOf = keyOf;
  }

  add(item: T): number {
    const key = this.keyOf(item);
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.items.length;
    this.items.push(item);
    this.numbers.set(key, number);
    return number;
  }
}

function pageCase(id: string): PageCase {
  const { summary, group, groupTitle, subgroup, subgroupTitle, section, expected } = describeCase(id);
  const link = { label: sectionLabel(section), url: sectionUrl(section) };
  return { id, summary, group: `${group} ${groupTitle}`, subgroup: `${subgroup} ${subgroupTitle}`, link, expected };
}

function pageResult(
  result: CaseResult,
  testee: Role,
  baseline: Baseline,
  texts: Interner<string>,
  fields: Interner<PageField>,
): PageResult {
  const { id, behavior, behaviorClose, remoteCloseCode, durationMs, handshake } = result;
  const known = isKnown(result, baseline) ? baseline.get(id)!.reason : undefined;
  return {
    behavior,
    close: behaviorClose,
    isPassing: isPassing(result),
    came: texts.add(cameWords(result)),
    ms: durationMs,
    rows: pageRows(result, testee, texts, fields),
    omitted: result.wireLogOmitted,
    ...(remoteCloseCode !== undefined && { code: remoteCloseCode }),
    ...(handshake && { heads: [texts.add(handshake.request), texts.add(handshake.response)] as const }),
    ...(known !== undefined && { known }),
  };
}

// ---- The wire ------------------------------------------------------------------------------------------------------

const DIRECTIONS = ['sent', 'received', 'note'] as const;

function pageRows(
  { wireLog, wireLogOmitted, wire, handshake }: CaseResult,
  testee: Role,
  texts: Interner<string>,
  fields: Interner<PageField>,
): PageRow[] {
  const { response = '' } = handshake ?? {};
  // What stands behind a refusal is no frame.
  const isOpen = /^(HTTP\/1\.1 101|HTTP\/2 200|:status: 2)/.test(response);
  const allowsRsv1 = /^sec-websocket-extensions:.*permessage-deflate/im.test(response);
  const other: Role = testee === 'server' ? 'client' : 'server';
  const left = {
    sent: isOpen && wire !== undefined ? readWireFrames(wire.sent.beginning, testee, allowsRsv1) : [],
    received: isOpen && wire !== undefined ? readWireFrames(wire.received.beginning, other, allowsRsv1) : [],
    note: [],
  };
  const rows = wireLog.map(({ atMs, direction, text }, i): PageRow => {
    const next = wireLog.slice(i + 1).find((entry) => entry.direction === direction && entry.offset !== undefined);
    const end = next?.offset ?? Number.POSITIVE_INFINITY;
    const taken = takeBefore(left[direction], end);
    // Where the log goes on, so do the frames: to the last line belongs the first of them.
    if (next === undefined && wireLogOmitted > 0) taken.length = Math.min(taken.length, 1);
    const own = taken.map((frame) => pageFrame(frame, texts, fields));
    return [atMs, DIRECTIONS.indexOf(direction), texts.add(text), own];
  });
  // What the log has no line for: a frame that was cut, or all of them where others keep no log.
  for (const direction of ['sent', 'received'] as const) {
    const rest = left[direction].map((frame) => pageFrame(frame, texts, fields));
    if (rest.length > 0) rows.push([null, DIRECTIONS.indexOf(direction), texts.add(`${direction}, not logged`), rest]);
  }
  return rows;
}

/** Takes those that begin before `end` off the front. */
function takeBefore(frames: WireFrame[], end: number): WireFrame[] {
  const count = frames.findIndex(({ offset }) => offset >= end);
  return frames.splice(0, count === -1 ? frames.length : count);
}

function pageFrame(
  { view, violation, isBehindEnd }: WireFrame,
  texts: Interner<string>,
  fields: Interner<PageField>,
): PageFrame {
  const numbers = view.fields.map(({ name, firstBit, bitLength, wire, meaning, section, isFault }) => {
    const bits = bitLength === 1 ? `bit ${firstBit}` : `bits ${firstBit}–${firstBit + bitLength - 1}`;
    const parts = [name, bits, shorten(wire), shorten(meaning), section].map((text) => texts.add(text));
    return fields.add([...parts, Number(isFault && !isBehindEnd)] as unknown as PageField);
  });
  const fault = violation && [texts.add(violation.message), texts.add(violation.section)];
  return [texts.add(view.summary), numbers, Number(isBehindEnd), ...(fault ?? [])] as unknown as PageFrame;
}

const MAX_TEXT = 160;

function shorten(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}
