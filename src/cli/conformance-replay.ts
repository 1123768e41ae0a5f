/** One case, run for a person to read: what was said in the opening handshake, and then every octet, as it came or went. */

import {
  type CaseResult,
  cameWords,
  describeCase,
  type WireChunk,
  type WireLogEntry,
  type WireRecord,
} from '../conformance/index.ts';

const OCTETS_PER_LINE = 16;
const MARGIN = ' '.repeat(12);

/** The lines of it, as parts that can be printed one after the other. */
export function* replayText(result: CaseResult): Generator<string> {
  const { id, behavior, behaviorClose, handshake, wire, wireLog } = result;
  const { summary, expected } = describeCase(id);
  yield `${id}  ${summary}\n\nexpected  ${expected}\n\n`;
  if (handshake !== undefined) {
    yield headLines('→', handshake.request);
    yield headLines('←', handshake.response);
  }
  if (wire !== undefined) yield* wireLines(wireLog, wire);
  yield `\ncame      ${cameWords(result)}\nverdict   ${behavior}, close ${behaviorClose}\n`;
}

function headLines(arrow: string, head: string): string {
  const lines = head.split('\r\n').filter((line) => line !== '');
  return `${lines.map((line, i) => `${i === 0 ? `${MARGIN}${arrow} ` : `${MARGIN}  `}${line}`).join('\n')}\n\n`;
}

/** What was said of the wire, with the octets that were written behind it, or read before it. */
function* wireLines(entries: readonly WireLogEntry[], { sent, received, chunks }: WireRecord): Generator<string> {
  const octets = { sent: sent.beginning, received: received.beginning };
  const position = { sent: 0, received: 0 };
  const dump = ({ atMs, direction, lengthBytes }: WireChunk): string => {
    const start = position[direction];
    position[direction] += lengthBytes;
    const arrow = direction === 'sent' ? '→' : '←';
    const count = `${lengthBytes} octet${lengthBytes === 1 ? '' : 's'}`;
    return `${time(atMs)}${arrow} ${count}\n${hexLines(octets[direction].subarray(start, start + lengthBytes))}`;
  };
  let next = 0;
  for (let i = 0; i <= entries.length; i++) {
    for (; next < chunks.length && chunks[next]!.entriesBefore <= i; next++) yield dump(chunks[next]!);
    const entry = entries[i];
    if (entry !== undefined) yield `${time(entry.atMs)}· ${SPEAKERS[entry.direction]}${entry.text}\n`;
  }
}

const SPEAKERS = { sent: 'sends ', received: 'receives ', note: '' };

function time(atMs: number): string {
  return `${String(atMs).padStart(8)} ms `;
}

function hexLines(octets: Uint8Array): string {
  let lines = '';
  for (let at = 0; at < octets.length; at += OCTETS_PER_LINE) {
    const row = Array.from(octets.subarray(at, at + OCTETS_PER_LINE));
    const hex = row.map((octet) => octet.toString(16).padStart(2, '0')).join(' ');
    const characters = row.map((octet) => (octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '·')).join('');
    const offset = at.toString(16).padStart(6, '0');
    lines += `${MARGIN}${offset}  ${hex.padEnd(3 * OCTETS_PER_LINE)} ${characters}\n`;
  }
  return lines;
}
