/**
 * How an echo peer behaves, as a table that it can be wrong in: what it checks, what it answers, how it ends. `FAULTS` has
 * one deviation each; a few of them are legal, and show that the runner leaves them alone.
 */

import { Opcode } from '../../../src/protocol/index.ts';

/** What a peer has to refuse (§5, §7.4). */
export type Rule =
  | 'rsv'
  | 'reservedOpcode'
  | 'fragmentedControl'
  | 'longControl'
  | 'orphanContinuation'
  | 'dataInsideMessage'
  | 'closeCode'
  | 'closeReason'
  | 'closeOneByte';

/** A frame to be sent. */
export interface Reply {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** Default true. */
  readonly fin?: boolean;
  readonly rsv?: number;
  /** Written with a length of two bytes where seven bits do. */
  readonly isLong?: boolean;
}

export interface Conduct {
  /** Rules that are not kept. */
  readonly accepts: readonly Rule[];
  /** When text is checked: as it comes, when a frame or a message is complete, or not at all. */
  readonly utf8: 'early' | 'perFrame' | 'late' | 'never';
  /** The code with which a message that is in order is refused. */
  readonly refusesMessage: (payload: Buffer, isText: boolean) => number | undefined;
  /** The same for a frame that is in order. */
  readonly refusesFrame: (opcode: number, lengthBytes: number, isMessageOpen: boolean) => number | undefined;
  readonly greeting: readonly Reply[];
  readonly echo: (payload: Buffer, isText: boolean) => readonly Reply[];
  /** Whether each fragment is echoed by itself. */
  readonly echoesFragments: boolean;
  readonly pong: (payload: Buffer) => readonly Reply[];
  /** Sent when a pong comes. */
  readonly whenPonged: readonly Reply[];
  /** What stands in a Close frame in place of `body`. */
  readonly closeBody: (body: Buffer) => Buffer;
  /** Sent behind a Close frame. */
  readonly behindClose: readonly Reply[];
  readonly answersClose: 'close' | 'end' | 'reset' | 'never';
  /** How the connection is failed. */
  readonly fails: 'close' | 'end' | 'never';
  /** After how many echoes the peer closes by itself. */
  readonly closesAfter: number;
  /** Whether it goes on reading behind a Close frame, for a while. */
  readonly goesOnAfterClose: boolean;
  /** §7.1.1: whether the server ends TCP. */
  readonly endsTcp: boolean;
  readonly masks: 'right' | 'wrong' | 'wrongControl';
}

const textOf = (text: string): Buffer => Buffer.from(text);
const NOTHING = Buffer.alloc(0);

function data(payload: Uint8Array, isText: boolean, changes: Partial<Reply> = {}): Reply {
  return { opcode: isText ? Opcode.Text : Opcode.Binary, payload, ...changes };
}

function pongOf(payload: Uint8Array, changes: Partial<Reply> = {}): Reply {
  return { opcode: Opcode.Pong, payload, ...changes };
}

const rightEcho: Conduct['echo'] = (payload, isText) => [data(payload, isText)];

/** No fault at all. */
export const RIGHT: Conduct = {
  accepts: [],
  utf8: 'early',
  refusesMessage: () => undefined,
  refusesFrame: () => undefined,
  greeting: [],
  echo: rightEcho,
  echoesFragments: false,
  pong: (payload) => [pongOf(payload)],
  whenPonged: [],
  closeBody: (body) => body,
  behindClose: [],
  answersClose: 'close',
  fails: 'close',
  closesAfter: Number.POSITIVE_INFINITY,
  goesOnAfterClose: false,
  endsTcp: true,
  masks: 'right',
};

/** The same body in every Close frame. */
function closesWith(...body: readonly number[]): Partial<Conduct> {
  return { closeBody: () => Buffer.from(body) };
}

function closesWithCode(code: number): Partial<Conduct> {
  return closesWith(code >>> 8, code & 0xff);
}

function sendsData(changes: Partial<Reply>): Partial<Conduct> {
  return { echo: (payload, isText) => [data(payload, isText, changes)] };
}

/** The payload in frames of at least one byte each, `count` of them where there are as many. */
function inFragments(payload: Buffer, isText: boolean, count: number): Reply[] {
  const length = Math.max(1, Math.ceil(payload.length / count));
  const pieces = Array.from({ length: Math.max(1, Math.ceil(payload.length / length)) }, (_, i) =>
    payload.subarray(i * length, (i + 1) * length),
  );
  return pieces.map((piece, i) => {
    const fin = i === pieces.length - 1;
    return i === 0 ? data(piece, isText, { fin }) : { opcode: Opcode.Continuation, payload: piece, fin };
  });
}

const hasNoncharacter = (payload: Buffer): boolean => /[\ufdd0-\ufdef]|[\ufffe\uffff]$/.test(payload.toString());

/** What a peer can get wrong. */
export const FAULTS = {
  // ---- What it fails to refuse
  noUtf8Check: { utf8: 'never' },
  utf8CheckedAtMessageEnd: { utf8: 'late' },
  utf8CheckedInEachFrame: { utf8: 'perFrame' },
  utf8Replaced: {
    utf8: 'never',
    echo: (payload, isText) => [data(isText ? textOf(payload.toString()) : payload, isText)],
  },
  rsvAccepted: { accepts: ['rsv'] },
  reservedOpcodesIgnored: { accepts: ['reservedOpcode'] },
  fragmentedControlAccepted: { accepts: ['fragmentedControl'] },
  longControlAccepted: { accepts: ['longControl'] },
  orphanContinuationAccepted: { accepts: ['orphanContinuation'] },
  dataInsideMessageAccepted: { accepts: ['dataInsideMessage'] },
  invalidCloseCodesAccepted: { accepts: ['closeCode'] },
  badCloseReasonAccepted: { accepts: ['closeReason'] },
  oneByteCloseAccepted: { accepts: ['closeOneByte'] },
  goesOnAfterClose: { goesOnAfterClose: true },
  neverFails: { fails: 'never' },

  // ---- What it refuses and should not
  noncharactersRefused: {
    refusesMessage: (payload, isText) => (isText && hasNoncharacter(payload) ? 1007 : undefined),
  },
  emptyMessagesRefused: { refusesMessage: (payload) => (payload.length === 0 ? 1002 : undefined) },
  longMessagesRefused: { refusesMessage: (payload) => (payload.length > 65_535 ? 1009 : undefined) },
  binaryRefused: { refusesMessage: (_, isText) => (isText ? undefined : 1003) },
  pongsRefused: { refusesFrame: (opcode) => (opcode === Opcode.Pong ? 1002 : undefined) },
  pingsInsideMessagesRefused: {
    refusesFrame: (opcode, _, isMessageOpen) => (opcode === Opcode.Ping && isMessageOpen ? 1002 : undefined),
  },
  continuationsRefused: { refusesFrame: (opcode) => (opcode === Opcode.Continuation ? 1003 : undefined) },

  // ---- What it answers
  greetsWithText: { greeting: [data(textOf('welcome'), true)] },
  greetsWithPong: { greeting: [pongOf(NOTHING)] },
  greetsWithPing: { greeting: [{ opcode: Opcode.Ping, payload: textOf('there?') }] },
  echoesNothing: { echo: () => [] },
  echoesTwice: { echo: (payload, isText) => [data(payload, isText), data(payload, isText)] },
  echoesFragments: { echoesFragments: true },
  echoesInFragments: { echo: (payload, isText) => inFragments(payload, isText, 3) },
  textEchoedAsBinary: { echo: (payload) => [data(payload, false)] },
  binaryEchoedAsText: { echo: (payload) => [data(payload, true)] },
  lastByteLost: { echo: (payload, isText) => [data(payload.subarray(0, -1), isText)] },
  contentChanged: { echo: (payload, isText) => [data(Buffer.alloc(payload.length, 0x2e), isText)] },
  textMangled: {
    echo: (payload, isText) => [data(isText ? Buffer.concat([payload, Buffer.of(0xff)]) : payload, isText)],
  },
  rsvSent: sendsData({ rsv: 2 }),
  reservedOpcodeSent: sendsData({ opcode: 3 }),
  continuationSent: sendsData({ opcode: Opcode.Continuation }),
  finNeverSent: sendsData({ fin: false }),
  longLengthSent: { echo: (payload, isText) => [data(payload, isText, { isLong: payload.length <= 125 })] },
  noPong: { pong: () => [] },
  emptyPong: { pong: () => [pongOf(NOTHING)] },
  pongTwice: { pong: (payload) => [pongOf(payload), pongOf(payload)] },
  pongAsText: { pong: (payload) => [pongOf(textOf(payload.toString()))] },
  pongIsPing: { pong: (payload) => [{ opcode: Opcode.Ping, payload }] },
  pongFragmented: { pong: (payload) => [pongOf(payload, { fin: false })] },
  pongWithRsv: { pong: (payload) => [pongOf(payload, { rsv: 4 })] },
  pongAnswered: { whenPonged: [pongOf(NOTHING)] },
  masksWrongly: { masks: 'wrong' },
  masksControlWrongly: { masks: 'wrongControl' },

  // ---- How it closes
  neverAnswersClose: { answersClose: 'never' },
  answersCloseWithEnd: { answersClose: 'end' },
  answersCloseWithReset: { answersClose: 'reset' },
  failsWithEnd: { fails: 'end' },
  closesWithoutCode: closesWith(),
  closesWithOneByte: closesWith(0x03),
  closesWithReason: {
    closeBody: (body) => Buffer.concat([body.length === 0 ? Buffer.of(0x03, 0xe8) : body, textOf('bye')]),
  },
  closesWithBadReason: {
    closeBody: (body) => Buffer.concat([body.length === 0 ? Buffer.of(0x03, 0xe8) : body, Buffer.of(0xff)]),
  },
  closesWith1000: closesWithCode(1000),
  closesWith1001: closesWithCode(1001),
  closesWith1002: closesWithCode(1002),
  closesWith1005: closesWithCode(1005),
  closesWith1011: closesWithCode(1011),
  closesWith1012: closesWithCode(1012),
  closesWith4000: closesWithCode(4000),
  closesWith5000: closesWithCode(5000),
  closesAtOnce: { closesAfter: 0 },
  closesAfterEcho: { closesAfter: 1 },
  closesTwice: { behindClose: [{ opcode: Opcode.Close, payload: Buffer.of(0x03, 0xe8) }] },
  closesTwiceWith1005: { behindClose: [{ opcode: Opcode.Close, payload: Buffer.of(0x03, 0xed) }] },
  pongBehindClose: { behindClose: [pongOf(NOTHING)] },
  textBehindClose: { behindClose: [data(textOf('late'), true)] },
  brokenFrameBehindClose: { behindClose: [{ opcode: 3, payload: NOTHING }] },
  leavesTcpOpen: { endsTcp: false },
} as const satisfies Record<string, Partial<Conduct>>;

export type Fault = keyof typeof FAULTS;
