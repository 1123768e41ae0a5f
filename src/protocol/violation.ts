/**
 * The one table of what a peer can do wrong once the connection is open (§10.7: all that arrives is checked, and a Close
 * frame says what was wrong). Close frames, `Error.code`, the decoder's texts, the documentation and the tests are all
 * derived from it. `message` is what `Error.message` says ("{}" stands for the offending number); `remedy` tells the
 * peer's author what to change.
 */

export interface Violation {
  /** Status code of the Close frame that fails the connection (§7.1.7). */
  readonly closeCode: number;
  /** Stable machine-readable name, the same as in ws where ws has one. */
  readonly code: string;
  /** Where the rule stands. */
  readonly section: string;
  readonly message: string;
  readonly remedy: string;
  /** What the Close frame says beside the code. */
  readonly closeReason?: string;
  /** Values out of range are `RangeError`s, everything else an `Error`. */
  readonly isRangeError: boolean;
}

function row(closeCode: number, code: string, section: string, message: string): Omit<Violation, 'remedy'> {
  // Values out of range, but for text, compression and handlers.
  const isRangeError = closeCode !== 1007 && closeCode !== 1011;
  return { closeCode, code: `WS_ERR_${code}`, section, message, isRangeError };
}

const FRAME = 'Invalid WebSocket frame: ';

const RULES = {
  unexpectedRsv23: row(1002, 'UNEXPECTED_RSV_2_3', '§5.2', `${FRAME}RSV2 and RSV3 must be clear`),
  unexpectedRsv1: row(1002, 'UNEXPECTED_RSV_1', '§5.2', `${FRAME}RSV1 must be clear`),
  reservedOpcode: row(1002, 'INVALID_OPCODE', '§5.2', `${FRAME}invalid opcode {}`),
  unexpectedContinuation: row(1002, 'INVALID_OPCODE', '§5.4', `${FRAME}invalid opcode {}`),
  expectedContinuation: row(1002, 'INVALID_OPCODE', '§5.4', `${FRAME}invalid opcode {}`),
  expectedFin: row(1002, 'EXPECTED_FIN', '§5.5', `${FRAME}FIN must be set`),
  controlPayloadTooLong: row(1002, 'INVALID_CONTROL_PAYLOAD_LENGTH', '§5.5', `${FRAME}invalid payload length {}`),
  closePayloadOneByte: row(1002, 'INVALID_CONTROL_PAYLOAD_LENGTH', '§5.5.1', `${FRAME}invalid payload length {}`),
  expectedMask: row(1002, 'EXPECTED_MASK', '§5.1', `${FRAME}MASK must be set`),
  unexpectedMask: row(1002, 'UNEXPECTED_MASK', '§5.1', `${FRAME}MASK must be clear`),
  lengthNotMinimal: row(1002, 'LENGTH_NOT_MINIMAL', '§5.2', `${FRAME}payload length {} is not in its shortest form`),
  lengthUnsupported: row(
    1009,
    'UNSUPPORTED_DATA_PAYLOAD_LENGTH',
    '§5.2',
    'Unsupported WebSocket frame: payload length > 2^53 - 1',
  ),
  frameTooLong: row(1009, 'UNSUPPORTED_MESSAGE_LENGTH', '§10.4', 'Max frame size exceeded'),
  messageTooLong: row(1009, 'UNSUPPORTED_MESSAGE_LENGTH', '§10.4', 'Max payload size exceeded'),
  tooManyFragments: row(1008, 'TOO_MANY_BUFFERED_PARTS', '§10.4', 'Too many message fragments'),
  tooManyControlFrames: row(1008, 'TOO_MANY_CONTROL_FRAMES', '§10.4', 'Too many control frames between data frames'),
  rateExceeded: {
    ...row(1008, 'RATE_EXCEEDED', '§10.4', 'Messages come faster than messageRate allows'),
    closeReason: 'Messages come too fast',
  },
  invalidCloseCode: row(1002, 'INVALID_CLOSE_CODE', '§7.4', `${FRAME}invalid status code {}`),
  invalidText: row(1007, 'INVALID_UTF8', '§8.1', `${FRAME}invalid UTF-8 sequence`),
  invalidCloseReason: row(1007, 'INVALID_UTF8', '§5.5.1', `${FRAME}invalid UTF-8 sequence`),
  invalidCompression: row(1007, 'INVALID_COMPRESSION', 'RFC 7692 §7.2.2', 'Invalid compressed message'),
  handlerFailed: row(1011, 'INTERNAL', '§7.4.1', 'A message handler threw an error'),
  backlogTooLong: {
    ...row(1013, 'BACKLOG', '§10.4', 'The peer reads too slowly: more than maxBacklogBytes would wait for it'),
    closeReason: 'You read too slowly',
  },
};

export type ViolationId = keyof typeof RULES;

const REMEDIES: Readonly<Record<ViolationId, string>> = {
  unexpectedRsv23: 'clear both bits: no extension in use gives them a meaning',
  unexpectedRsv1:
    'clear RSV1: only the first frame of a message may set it, and only when permessage-deflate was negotiated',
  reservedOpcode: 'use 0, 1, 2, 8, 9 or 10: the other opcodes are reserved',
  unexpectedContinuation:
    'start a message with a text or binary frame: no message is open that this frame could continue',
  expectedContinuation: 'finish the open message with continuation frames first: messages must not be interleaved',
  expectedFin: 'send the control frame in one piece: control frames must not be fragmented',
  controlPayloadTooLong: 'keep the payload of a control frame to 125 bytes',
  closePayloadOneByte: 'send no body at all, or a status code of two bytes with an optional reason behind it',
  expectedMask: 'mask every frame that a client sends to a server',
  unexpectedMask: 'do not mask frames that a server sends to a client',
  lengthNotMinimal: 'write the payload length in the shortest of its three forms',
  lengthUnsupported:
    'send smaller frames: the top bit of a 64-bit length must be clear, and no more than 2^53 - 1 is taken',
  frameTooLong: 'send smaller frames, or raise limits.maxFrameBytes at the receiver',
  messageTooLong: 'send smaller messages, or raise limits.maxMessageBytes (maxPayload) at the receiver',
  tooManyFragments: 'send fewer and larger fragments, or raise limits.maxFragments at the receiver',
  tooManyControlFrames: 'send pings less often, or raise limits.maxControlFramesBetweenData at the receiver',
  rateExceeded: 'send fewer or shorter messages in a second, or raise messageRate at the receiver',
  invalidCloseCode: 'use a registered code that may be sent, or one from 3000 to 4999',
  invalidText: 'encode text messages as UTF-8, or send the data as a binary message',
  invalidCloseReason: 'encode the reason of a Close frame as UTF-8 and do not cut it inside a code point',
  invalidCompression: 'compress each message as RFC 7692 §7.2.1 says, with no more context than was negotiated',
  handlerFailed: 'look at the cause of this error: the fault is in the application, not in the peer',
  backlogTooLong: 'read what is sent as fast as it comes, or raise maxBacklogBytes at the sender',
};

const IDS = Object.keys(RULES) as ViolationId[];

export const VIOLATIONS = Object.fromEntries(IDS.map((id) => [id, { ...RULES[id], remedy: REMEDIES[id] }])) as Readonly<
  Record<ViolationId, Violation>
>;

/** The text of `Error.message` for a violation; `detail` fills the number in, where the text has a place for one. */
export function violationMessage(id: ViolationId, detail: number): string {
  return VIOLATIONS[id].message.replace('{}', String(detail));
}
