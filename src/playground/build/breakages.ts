/**
 * How to break each rule: for every row of the violation table, frames that do it, and what the receiver has to be for
 * that. A client breaks a rule towards a server, or a server towards a client.
 */

import { encodeUtf8, Opcode, type Role, type ViolationId } from '../../protocol/index.ts';
import type { ReceiverOptions } from '../lab/receiver.ts';
import { type FrameSpec, TEXT_FRAME } from './frame-spec.ts';

export interface Breakage {
  readonly id: ViolationId;
  /** What is done, in a few words. */
  readonly title: string;
  /** Not masked: `breakageFor` masks them where the receiver asks for it. */
  readonly frames: readonly Partial<FrameSpec>[];
  /** What is different about the receiver; undefined where every server fails the connection. */
  readonly receiver?: Omit<ReceiverOptions, 'role'>;
  /** What the receiver has to be, in words. */
  readonly needs?: string;
  /** Who can be at fault, where it is not both. */
  readonly only?: Role;
}

const text = (content: string): Uint8Array => encodeUtf8(content);
const HELLO: Partial<FrameSpec> = { payload: text('Hello') };
const many = (count: number, frame: Partial<FrameSpec>): Partial<FrameSpec>[] => new Array(count).fill(frame);

const TABLE: Readonly<Record<ViolationId, Omit<Breakage, 'id'>>> = {
  unexpectedRsv23: { title: 'Set RSV2', frames: [{ ...HELLO, rsv2: true }] },
  unexpectedRsv1: { title: 'Set RSV1 without compression', frames: [{ ...HELLO, rsv1: true }] },
  reservedOpcode: { title: 'Use opcode 3', frames: [{ ...HELLO, opcode: 3 }] },
  unexpectedContinuation: { title: 'Continue no message', frames: [{ ...HELLO, opcode: Opcode.Continuation }] },
  expectedContinuation: {
    title: 'Begin a second message inside the first',
    frames: [{ payload: text('Hel'), fin: false }, { payload: text('lo') }],
  },
  expectedFin: { title: 'Fragment a ping', frames: [{ ...HELLO, opcode: Opcode.Ping, fin: false }] },
  controlPayloadTooLong: {
    title: 'Ping with 126 bytes',
    frames: [{ opcode: Opcode.Ping, payload: new Uint8Array(126) }],
  },
  closePayloadOneByte: {
    title: 'Close with half a code',
    frames: [{ opcode: Opcode.Close, payload: Uint8Array.of(0x03) }],
  },
  expectedMask: { title: 'Do not mask', frames: [{ ...HELLO, maskingKey: undefined }], only: 'server' },
  unexpectedMask: {
    title: 'Mask what a server sends',
    frames: [{ ...HELLO, maskingKey: Uint8Array.of(0x37, 0xfa, 0x21, 0x3d) }],
    only: 'client',
  },
  lengthNotMinimal: {
    title: 'Say 5 in 16 bits',
    frames: [{ ...HELLO, lengthForm: 16 }],
    receiver: { strictLengths: true },
    needs: 'A receiver with strictLengths. By default all receivers take it, as other libraries do.',
  },
  lengthUnsupported: {
    title: 'Announce 2^63 bytes',
    frames: [{ ...HELLO, opcode: Opcode.Binary, lengthForm: 64, declaredLength: 2n ** 63n }],
  },
  frameTooLong: {
    title: 'Send a long frame',
    frames: [{ opcode: Opcode.Binary, payload: new Uint8Array(33) }],
    receiver: { limits: { maxFrameBytes: 32 } },
    needs: 'A receiver with maxFrameBytes: 32. There is no such limit by default.',
  },
  messageTooLong: {
    title: 'Announce a byte more than 16 MiB',
    frames: [{ opcode: Opcode.Binary, declaredLength: 16n * 1024n * 1024n + 1n }],
  },
  tooManyFragments: {
    title: 'Send empty fragments',
    frames: [{ payload: new Uint8Array(0), fin: false }, ...many(4, { opcode: Opcode.Continuation, fin: false })],
    receiver: { limits: { maxFragments: 4 } },
    needs: 'A receiver with maxFragments: 4. The default goes by the longest message.',
  },
  tooManyControlFrames: {
    title: 'Ping without end',
    frames: many(9, { opcode: Opcode.Ping }),
    receiver: { limits: { maxControlFramesBetweenData: 8 } },
    needs: 'A receiver with maxControlFramesBetweenData: 8. The default is 2,000 in ten seconds.',
  },
  rateExceeded: {
    title: 'Send four messages where three are allowed',
    frames: many(4, HELLO),
    receiver: { maxMessages: 3 },
    needs: 'A receiver that takes three messages. Servers have messageRate for that, so many in a second.',
  },
  invalidCloseCode: {
    title: 'Close with 1005',
    frames: [{ opcode: Opcode.Close, payload: Uint8Array.of(0x03, 0xed) }],
  },
  invalidText: { title: 'Send text that is no UTF-8', frames: [{ payload: Uint8Array.of(0x48, 0xc3, 0x28) }] },
  invalidCloseReason: {
    title: 'Cut the reason inside a character',
    frames: [{ opcode: Opcode.Close, payload: Uint8Array.of(0x03, 0xe8, 0x62, 0x79, 0x65, 0xe2, 0x82) }],
  },
  invalidCompression: {
    title: 'Compress wrongly',
    frames: [{ rsv1: true, payload: Uint8Array.of(0xff, 0xff, 0xff) }],
    receiver: { hasDeflate: true },
    needs: 'A receiver with which permessage-deflate was agreed on.',
  },
  handlerFailed: {
    title: 'Reach a program with a fault',
    frames: [HELLO],
    receiver: { throws: true },
    needs: 'A receiver whose message handler throws. Nothing is wrong with the frame.',
  },
  backlogTooLong: {
    title: 'Send, and read none of the echoes',
    frames: many(4, HELLO),
    receiver: { echoes: true, maxBacklogBytes: 24 },
    needs: 'A receiver with maxBacklogBytes: 24 that echoes, and a peer that does not read.',
  },
};

export const BREAKAGES: readonly Breakage[] = (Object.keys(TABLE) as ViolationId[]).map((id) => ({ id, ...TABLE[id] }));

/** Those that the peer of such a receiver can do. */
export function breakagesFor(receiver: Role): Breakage[] {
  return BREAKAGES.filter(({ only }) => only === undefined || only === receiver);
}

/** The frames as the peer of such a receiver sends them: clients mask, but for the breakage that is about that. */
export function framesOf({ frames }: Breakage, receiver: Role, maskingKey: Uint8Array): FrameSpec[] {
  const fitting = receiver === 'server' ? maskingKey : undefined;
  return frames.map((frame) => ({ ...TEXT_FRAME, maskingKey: fitting, ...frame }));
}
