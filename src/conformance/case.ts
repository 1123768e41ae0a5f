/**
 * What a conformance case is: a script of what the fuzzer sends, what the testee, which echoes, has to answer, and how
 * the connection has to end. Ids, scripts and verdicts are those of the Autobahn test suite, so that results compare.
 * Data only: `case-run.ts` plays a case, `verdict.ts` judges it.
 */

import { CloseCode, Opcode } from '../protocol/index.ts';
import type { CorpusName } from './corpora.ts';
import type { DeflateWish } from './deflate-terms.ts';
import type { Payload } from './payload.ts';

/** The fuzzer is this side, which runs the case; the testee is the server or client under test. */
export type Side = 'fuzzer' | 'testee';

export interface FrameStep {
  readonly do: 'frame';
  readonly opcode: number;
  readonly fin: boolean;
  /** RSV1 = 4, RSV2 = 2, RSV3 = 1. */
  readonly rsv: number;
  readonly payload: Payload;
  /** Written in pieces of so many bytes, header included, each in its own turn of the event loop. */
  readonly chopBytes?: number;
  /** Written by itself; whatever follows is written in a later turn. */
  readonly isAlone?: boolean;
}

export type Step =
  | FrameStep
  /** The header of a frame with FIN clear; its payload follows in `framePart` steps, each a write of its own. */
  | { readonly do: 'frameHeader'; readonly opcode: number; readonly payloadLength: number }
  | { readonly do: 'framePart'; readonly payload: Payload }
  /** Sent only while the connection is open. Without `fragmentBytes` it is one frame. */
  | {
      readonly do: 'message';
      readonly isBinary: boolean;
      readonly payload: Payload;
      readonly fragmentBytes?: number;
    }
  /** The next message that the expectation cuts from its corpus, compressed. Without `fragmentBytes` it is one frame. */
  | { readonly do: 'corpusMessage'; readonly fragmentBytes?: number }
  /** Starts the closing handshake with this body, legal or not. */
  | { readonly do: 'close'; readonly body: Payload }
  /** From here on so long: then start the closing handshake with an empty body, if the connection is still open. */
  | { readonly do: 'closeAfter'; readonly delayMs: number }
  /** From here on so long: then fail the connection with 1001, or drop TCP when the closing handshake is under way. */
  | { readonly do: 'failAfter'; readonly delayMs: number }
  /**
   * Waits, then goes on if TCP is still there. With a tag, an open connection is recorded as an event, and any other
   * ends the script.
   */
  | { readonly do: 'pause'; readonly delayMs: number; readonly tag?: string };

/** What is recorded of a connection, in order. */
export type ExpectedEvent =
  | { readonly event: 'message'; readonly isBinary: boolean; readonly payload: Payload }
  | { readonly event: 'pong'; readonly payload: Payload }
  | { readonly event: 'waited'; readonly tag: string };

export type Expectation =
  /** Exactly the events of one of the lists, in order. `lenient` earns NON-STRICT. */
  | { readonly kind: 'events'; readonly strict: readonly ExpectedEvent[]; readonly lenient?: readonly ExpectedEvent[] }
  /** A message of this type and length, whatever it says. The fuzzer closes at the first that comes; a right one may follow. */
  | { readonly kind: 'firstMessage'; readonly isBinary: boolean; readonly lengthBytes: number }
  /** The script's frame again after each echo, `count` times; type and length are compared. Then the fuzzer closes. */
  | { readonly kind: 'echoLoop'; readonly isBinary: boolean; readonly lengthBytes: number; readonly count: number }
  /** `count` messages of `units` each, cut from a corpus, the next after the last one's echo, which is compared. */
  | {
      readonly kind: 'corpusLoop';
      readonly corpus: CorpusName;
      readonly isBinary: boolean;
      readonly units: number;
      readonly count: number;
    };

export interface CloseExpectation {
  /** Whose Close frame came first; a bare end of TCP counts as the testee's. */
  readonly by: Side;
  /** Codes that the testee may send. None at all is always taken. The fuzzer itself closes with the first of them. */
  readonly codes: readonly number[];
  /** Whether Close frames in both directions are asked for, in time. */
  readonly mustBeClean: boolean;
  /** Whether closing from the wrong side fails the case as a whole, not only its closing. */
  readonly decidesBehavior: boolean;
}

export interface ConformanceCase {
  readonly id: string;
  readonly summary: string;
  readonly steps: readonly Step[];
  readonly expectation: Expectation;
  readonly close: CloseExpectation;
  /** Whether the fuzzer closes as soon as the events recorded are the expected ones. */
  readonly closesWhenSatisfied: boolean;
  /** Whatever happens, the result is INFORMATIONAL. */
  readonly isInformational: boolean;
  /** A wrong close code fails the case as a whole. */
  readonly closeCodeDecidesBehavior: boolean;
  /** How many frames the fuzzer itself must have sent, by opcode. */
  readonly sentFrames?: ReadonlyMap<number, number>;
  /** What the fuzzer wants of permessage-deflate, the dearest wish first. Without it no extension is offered or taken. */
  readonly wishes?: readonly DeflateWish[];
}

// ---- Steps -------------------------------------------------------------------------------------------------------

export interface FrameOptions {
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly chopBytes?: number;
  readonly isAlone?: boolean;
}

/** A frame as the tables write it: final, RSV bits clear, handed over whole, unless the options say otherwise. */
export function frame(opcode: number, payload: Payload, options: FrameOptions = {}): FrameStep {
  return { do: 'frame', opcode, fin: true, rsv: 0, payload, ...options };
}

export function failAfter(delayMs: number): Step {
  return { do: 'failAfter', delayMs };
}

export function closeAfter(delayMs: number): Step {
  return { do: 'closeAfter', delayMs };
}

export function messageEvent(isBinary: boolean, payload: Payload): ExpectedEvent {
  return { event: 'message', isBinary, payload };
}

export function pongEvent(payload: Payload): ExpectedEvent {
  return { event: 'pong', payload };
}

// ---- How a connection ends ---------------------------------------------------------------------------------------

/** The fuzzer starts the closing handshake, and it completes. */
export const FUZZER_CLOSES: CloseExpectation = {
  by: 'fuzzer',
  codes: [CloseCode.NormalClosure],
  mustBeClean: true,
  decidesBehavior: false,
};

/** The testee fails the connection because the protocol was broken. */
const TESTEE_REJECTS: CloseExpectation = {
  by: 'testee',
  codes: [CloseCode.ProtocolError],
  mustBeClean: false,
  decidesBehavior: false,
};

/** The testee fails the connection because text was not UTF-8. Not noticing is what such a case is about. */
export const TESTEE_REJECTS_TEXT: CloseExpectation = {
  by: 'testee',
  codes: [CloseCode.InvalidPayloadData],
  mustBeClean: false,
  decidesBehavior: true,
};

type Flags = Partial<
  Pick<ConformanceCase, 'closesWhenSatisfied' | 'isInformational' | 'closeCodeDecidesBehavior' | 'sentFrames'>
>;

const NO_FLAGS = { closesWhenSatisfied: false, isInformational: false, closeCodeDecidesBehavior: false } as const;

/** A case in which the testee answers and the fuzzer then closes. */
export function answered(
  id: string,
  summary: string,
  steps: readonly Step[],
  strict: readonly ExpectedEvent[],
  flags: Flags = {},
): ConformanceCase {
  const expectation: Expectation = { kind: 'events', strict };
  return { id, summary, steps, expectation, close: FUZZER_CLOSES, ...NO_FLAGS, closesWhenSatisfied: true, ...flags };
}

/** A case in which the testee has to fail the connection. `lenient` is what earns NON-STRICT. */
export function rejected(
  id: string,
  summary: string,
  steps: readonly Step[],
  strict: readonly ExpectedEvent[] = [],
  lenient?: readonly ExpectedEvent[],
  close: CloseExpectation = TESTEE_REJECTS,
): ConformanceCase {
  const expectation: Expectation = { kind: 'events', strict, ...(lenient && { lenient }) };
  return { id, summary, steps, expectation, close, ...NO_FLAGS };
}

/** A case of group 9, judged by type and length. */
export function measured(
  id: string,
  summary: string,
  steps: readonly Step[],
  expectation: Extract<Expectation, { kind: 'firstMessage' | 'echoLoop' }>,
): ConformanceCase {
  return { id, summary, steps, expectation, close: FUZZER_CLOSES, ...NO_FLAGS };
}

/** A case of group 12 or 13. */
export function compressed(
  id: string,
  summary: string,
  steps: readonly Step[],
  expectation: Extract<Expectation, { kind: 'corpusLoop' }>,
  wishes: readonly DeflateWish[],
): ConformanceCase {
  return { id, summary, steps, expectation, wishes, close: FUZZER_CLOSES, ...NO_FLAGS };
}

// ---- What follows from a case ------------------------------------------------------------------------------------

/** The opcode that opens a message of this type. */
export function dataOpcode(isBinary: boolean): number {
  return isBinary ? Opcode.Binary : Opcode.Text;
}

/** '9.3' of '9.3.1', '2' of '2.10': cases with the same one are about the same thing. */
export function subgroupOf(id: string): string {
  const parts = id.split('.');
  return parts.slice(0, -1).join('.');
}

/** Numeric order of dotted ids. */
export function compareIds(a: string, b: string): number {
  const left = a.split('.');
  const right = b.split('.');
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = Number(left[i] ?? -1) - Number(right[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
