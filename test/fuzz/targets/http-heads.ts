/**
 * Heads of HTTP messages as bytes: read in chunks as they are read by a plain reader, that has all the bytes and looks at a
 * line at a time; and what the opening handshake makes of those that are heads.
 */

import { agreeOnDeflate, deflateSettings } from '../../../src/deflate/agreement.ts';
import {
  buildRefusalResponse,
  buildUpgradeResponse,
  checkUpgradeRequest,
  checkUpgradeResponse,
  HttpHeadParser,
  type RequestHead,
  type ResponseHead,
} from '../../../src/handshake/index.ts';
import { checkRequest, effectiveHeaders } from '../../../src/server/http-request.ts';
import { applyCuts } from '../../support/arbitraries.ts';
import { ACCEPT, KEY, upgradeRequest } from '../../support/raw-peer.ts';
import type { FuzzTarget } from '../target.ts';
import { asLatin1, bytesTarget, cutsOf, expectSame, fromLatin1, showText } from './support.ts';

const MAX_HEAD_BYTES = 600;
const MAX_HEADER_COUNT = 8;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The fields that decide where a head ends and what it says; `more` while it goes on, a status when it is none. */
type Outcome =
  | 'more'
  | number
  | { readonly start: readonly string[]; readonly fields: readonly string[]; readonly end: number };

/** A head word for word (RFC 9112 §2.2, RFC 9112 §3, RFC 9112 §4, RFC 9112 §5). */
function readPlainly(bytes: Uint8Array, kind: 'request' | 'response'): Outcome {
  const isCut = bytes.length > MAX_HEAD_BYTES;
  const text = asLatin1(bytes.subarray(0, MAX_HEAD_BYTES));
  const fields: string[] = [];
  let start: string[] | undefined;
  let hasEmptyLine = false;
  for (let at = 0; ; ) {
    const line = /^([\t\x20-\x7e\x80-\xff]*)\r\n/.exec(text.slice(at))?.[1];
    if (line === undefined) {
      if (!/^[\t\x20-\x7e\x80-\xff]*\r?$/.test(text.slice(at))) return 400;
      return isCut ? 431 : 'more';
    }
    at += line.length + 2;
    if (start === undefined) {
      if (line === '' && kind === 'request' && !hasEmptyLine) {
        hasEmptyLine = true;
        continue;
      }
      const read = kind === 'request' ? readRequestLine(line) : readStatusLine(line);
      if (typeof read === 'number') return read;
      start = read;
    } else if (line === '') {
      return { start, fields, end: at };
    } else if (kind === 'response' && fields.length > 0 && /^[ \t]/.test(line)) {
      fields.push(`${fields.pop()} ${line.replace(/^[ \t]+|[ \t]+$/g, '')}`.replace(/^[ \t]+|[ \t]+$/g, ''));
    } else {
      if (fields.length === 2 * MAX_HEADER_COUNT && !/^[ \t]/.test(line)) return 431;
      const [, name, value] = /^([^ \t:][^:]*):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
      if (name === undefined || !TOKEN.test(name)) return 400;
      fields.push(name, value!);
    }
  }
}

function readRequestLine(line: string): string[] | number {
  const [method, target, version, ...rest] = line.split(' ');
  const [, major, minor] = /^HTTP\/(\d)\.(\d)$/.exec(version ?? '') ?? [];
  if (rest.length > 0 || major === undefined || !TOKEN.test(method!) || !/^[!-~]+$/.test(target!)) return 400;
  if (target!.includes('#')) return 400;
  return major === '1' ? [method!, target!, `1.${minor}`] : 505;
}

function readStatusLine(line: string): string[] | number {
  const [, major, minor, status, reason = ''] = /^HTTP\/(\d)\.(\d) (\d\d\d)(?: (.*))?$/.exec(line) ?? [];
  if (major === undefined) return 400;
  return major === '1' ? [status!, reason, `1.${minor}`] : 505;
}

function readInChunks(chunks: readonly Uint8Array[], kind: 'request' | 'response') {
  const parser = new HttpHeadParser({ kind, maxHeadBytes: MAX_HEAD_BYTES, maxHeaderCount: MAX_HEADER_COUNT });
  let taken = 0;
  for (const chunk of chunks) {
    const result = parser.push(chunk);
    taken += chunk.length;
    if (result?.ok === false) {
      expectSame(parser.push(Uint8Array.of(65)), result, 'a failure is final');
      return { outcome: result.status, head: undefined };
    }
    if (result === undefined) continue;
    const { head, rest } = result;
    const start =
      'method' in head ? [head.method, head.target] : [String(head.statusCode).padStart(3, '0'), head.reason];
    const outcome = { start: [...start, head.httpVersion], fields: head.rawHeaders, end: taken - rest.length };
    return { outcome, head };
  }
  return { outcome: 'more' as const, head: undefined };
}

/** A request that is a head gets an answer that is one as well, and that its client understands. */
function expectAnswered(head: RequestHead): void {
  const fault = checkRequest(head);
  if (fault !== undefined) {
    expectSame(statusOf(buildRefusalResponse(fault)), fault.status, 'refused with');
    return;
  }
  const request = { ...head, headers: effectiveHeaders(head), wireHeaders: head.headers };
  for (const profile of ['strict', 'ws'] as const) {
    const decision = checkUpgradeRequest(request, { profile, origins: ['https://example.com'] });
    if (!decision.ok) {
      expectSame(statusOf(buildRefusalResponse(decision)), decision.status, 'refused with');
      continue;
    }
    const { key, subprotocols, extensions: offers } = decision;
    const agreement = agreeOnDeflate(offers, deflateSettings(true, 'server', profile));
    const extensions = agreement.ok ? agreement.extensions : [];
    const answer = buildUpgradeResponse({ key, subprotocol: subprotocols[0], extensions });
    const read = new HttpHeadParser({ kind: 'response' }).push(fromLatin1(answer));
    if (!read?.ok) throw new Error(`the answer is no head: ${JSON.stringify(answer)}`);
    const verdict = checkUpgradeResponse(read.head, { key, subprotocols, extensions: offers.map(({ name }) => name) });
    if (!verdict.ok) throw new Error(`its client refuses the answer: ${verdict.message}`);
    expectSame(verdict.subprotocol, subprotocols[0], 'subprotocol');
    expectSame(verdict.extensions, extensions, 'extensions');
  }
}

function statusOf(answer: string): number {
  const read = new HttpHeadParser({ kind: 'response' }).push(fromLatin1(answer));
  if (!read?.ok) throw new Error(`the refusal is no head: ${JSON.stringify(answer)}`);
  return read.head.statusCode;
}

/** A client makes something of any answer, and what it takes is right. */
function expectJudged(head: ResponseHead): void {
  const verdict = checkUpgradeResponse(head, {
    key: KEY,
    subprotocols: ['chat', 'v2'],
    extensions: ['permessage-deflate'],
  });
  if (!verdict.ok) return;
  expectSame([head.statusCode, head.headers.get('sec-websocket-accept')], [101, ACCEPT], 'taken');
  if (!['chat', 'v2'].includes(verdict.subprotocol!)) throw new Error(`takes the subprotocol ${verdict.subprotocol}`);
}

const REQUESTS = [
  upgradeRequest(),
  `\r\n${upgradeRequest({ Origin: 'https://example.com', Connection: 'keep-alive, Upgrade', 'Sec-WebSocket-Protocol': 'chat, v2' })}`,
  upgradeRequest({
    'Sec-WebSocket-Extensions': 'x; a="b", permessage-deflate; client_max_window_bits; server_max_window_bits=9',
  }),
  upgradeRequest({ Host: undefined }, 'GET http://server.example:80/a?b HTTP/1.1'),
  'POST / HTTP/1.0\r\nHost: [::1]:8\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc',
  'GET / HTTP/2.0\r\nA: \r\n\tfolded\r\n\r\n',
  upgradeRequest({ 'Sec-WebSocket-Version': '8', 'Sec-WebSocket-Origin': 'https://EXAMPLE.com' }),
];
const RESPONSES = [
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n`,
  'HTTP/1.0 404\r\nContent-Length: 0\r\n\r\nnothing',
  'HTTP/3.1 200 \r\n\r\n',
  'HTTP/1.1 101 \r\nA: b\r\n c\r\n\t\r\n\r\n',
];
const seedsOf = (heads: readonly string[]) => heads.map((head, i) => Uint8Array.of(i * 3, ...fromLatin1(head)));

function headTarget(kind: 'request' | 'response', title: string, heads: readonly string[]): FuzzTarget {
  return bytesTarget({
    name: `${kind}-head`,
    title,
    seeds: seedsOf(heads),
    show: (input) => `${JSON.stringify(cutsOf(input[0] ?? 0))} ${showText(input.subarray(1))}`,
    run([cut = 0, ...rest]) {
      const bytes = Uint8Array.from(rest);
      const expected = readPlainly(bytes, kind);
      const whole = readInChunks([bytes], kind);
      expectSame(whole.outcome, expected, 'whole');
      expectSame(readInChunks(applyCuts(bytes, cutsOf(cut)), kind).outcome, expected, 'cut');
      const { head } = whole;
      if (head === undefined) return;
      if ('method' in head) expectAnswered(head);
      else expectJudged(head);
    },
  });
}

export const HEAD_TARGETS: readonly FuzzTarget[] = [
  headTarget(
    'request',
    '§4.2.1 any bytes are the request that a plain reader reads, and are answered in kind',
    REQUESTS,
  ),
  headTarget(
    'response',
    '§4.1 any bytes are the response that a plain reader reads, and no wrong one is taken',
    RESPONSES,
  ),
];
