/**
 * Streams and what a client makes of them: the facts that the web-platform tests of EventSource check as well. The parser, our
 * EventSource and Chromium's read the same table.
 */

export interface StreamVector {
  readonly name: string;
  /** Text, or bytes where they are no UTF-8. */
  readonly stream: string | readonly number[];
  /** Each as [data] or [data, lastEventId] or [data, lastEventId, type]. */
  readonly events: readonly (readonly [data: string, lastEventId?: string, type?: string])[];
}

const LONG = 'x'.repeat(70_000);

export const STREAM_VECTORS: readonly StreamVector[] = [
  { name: 'one event', stream: 'data: test\n\n', events: [['test']] },
  { name: 'a byte order mark in front', stream: '\uFEFFdata:1\n\n\uFEFFdata:2\n\ndata:3\n\n', events: [['1'], ['3']] },
  { name: 'two byte order marks', stream: '\uFEFF\uFEFFdata:1\n\ndata:2\n\ndata:3\n\n', events: [['2'], ['3']] },
  {
    name: 'comments',
    stream: `data:1\r:\0\n:\r\ndata:2\n:${LONG}\rdata:3\n:data:fail\r:${LONG}\ndata:4\n\n`,
    events: [['1\n2\n3\n4']],
  },
  { name: 'nothing before the last empty line', stream: 'data:1\n\nid:2\ndata:2', events: [['1']] },
  { name: 'one line end is not enough', stream: 'data:1\n\nid:2\ndata:2\n', events: [['1']] },
  { name: 'data without value', stream: 'data:\n\ndata\ndata\n\ndata:test\n\n', events: [[''], ['\n'], ['test']] },
  {
    name: 'data and other fields',
    stream: 'data:msg\ndata: msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n',
    events: [['msg\nmsg'], [''], ['end']],
  },
  {
    name: 'the type of one event only',
    stream: 'event:test\ndata:x\n\ndata:y\n\n',
    events: [
      ['x', '', 'test'],
      ['y', '', 'message'],
    ],
  },
  { name: 'an empty type', stream: 'event: \ndata:data\n\n', events: [['data', '', 'message']] },
  { name: 'the last type counts', stream: 'event:other\nevent:test\ndata:x\n\n', events: [['x', '', 'test']] },
  { name: 'a type without data', stream: 'event:test\n\ndata:x\n\n', events: [['x', '', 'message']] },
  {
    name: 'ids stay until they change',
    stream: 'id: 1\ndata: 1\n\ndata: 2\n\nid: 2\ndata:3\n\n\n\ndata:4\n\n',
    events: [
      ['1', '1'],
      ['2', '1'],
      ['3', '2'],
      ['4', '2'],
    ],
  },
  {
    name: 'an empty id',
    stream: 'id: 1\ndata: 1\n\nid:\ndata:2\n\ndata:3\n\n',
    events: [
      ['1', '1'],
      ['2', ''],
      ['3', ''],
    ],
  },
  {
    name: 'an id without colon',
    stream: 'id: 1\ndata: 1\n\nid\ndata:2\n\n',
    events: [
      ['1', '1'],
      ['2', ''],
    ],
  },
  { name: 'an id without data', stream: 'id: 7\n\ndata: x\n\n', events: [['x', '7']] },
  {
    name: 'ids with NUL',
    stream: 'id: 1\0\ndata:1\n\nid: 5\nid: \0\0\ndata:2\n\n',
    events: [
      ['1', ''],
      ['2', '5'],
    ],
  },
  { name: 'an id of other letters', stream: 'id: …\ndata:x\n\n', events: [['x', '…']] },
  {
    name: 'fields to the letter',
    stream:
      'data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n',
    events: [['\0\n 2\n1\n3\n\n4']],
  },
  {
    name: 'unknown fields',
    stream: 'data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n',
    events: [['test\n\ntest']],
  },
  { name: 'one leading space', stream: 'data:\ttest\rdata: \ndata:test\n\n', events: [['\ttest\n\ntest']] },
  { name: 'two leading spaces', stream: 'data:  test\n\n', events: [[' test']] },
  { name: 'line ends of all kinds', stream: 'data:test\r\ndata\ndata:test\r\n\r\n', events: [['test\n\ntest']] },
  { name: 'CR alone', stream: 'data:1\r\rdata:2\r\r', events: [['1'], ['2']] },
  { name: 'LF CR is two', stream: 'data:1\n\rdata:2\n\r', events: [['1'], ['2']] },
  {
    name: 'other separators end no line',
    stream: 'data:a\u2028b\u2029c\u0085d\u000be\u000cf\n\n',
    events: [['a\u2028b\u2029c\u0085d\u000be\u000cf']],
  },
  { name: 'a NUL', stream: 'data:\0\n\n\n\n', events: [['\0']] },
  { name: 'colons in a value', stream: 'data:a:b: c\n\n', events: [['a:b: c']] },
  { name: 'UTF-8', stream: 'data:ok… 😀 é\n\n', events: [['ok… 😀 é']] },
  {
    name: 'no UTF-8',
    stream: [...new TextEncoder().encode('data:a'), 0xff, 0xe2, 0x80, 0x0a, 0x0a],
    events: [['a\uFFFD\uFFFD']],
  },
  { name: 'retry is no event', stream: 'retry:1000\n\ndata:x\n\n', events: [['x']] },
  { name: 'a long line', stream: `data:${LONG}\n\n`, events: [[LONG]] },
];

export function vectorBytes({ stream }: StreamVector): Uint8Array {
  return typeof stream === 'string' ? new TextEncoder().encode(stream) : Uint8Array.from(stream);
}

/** The expected events with all that is left out. */
export function vectorEvents({ events }: StreamVector): { type: string; data: string; lastEventId: string }[] {
  return events.map(([data, lastEventId = '', type = 'message']) => ({ type, data, lastEventId }));
}
