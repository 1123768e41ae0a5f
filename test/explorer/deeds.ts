/** What may happen on one side of two connections: what its user, its transport and the network do, each by a name. */

import { Chunk, Hold, Opcode } from '../../src/protocol/index.ts';
import { concat } from '../support/wire.ts';
import { messageBytes, type Side, type Transit } from './side.ts';

/** How often, at most, a side does what could be done without end. */
export interface Bounds {
  readonly messages: number;
  readonly pings: number;
}

interface DeedOf {
  /** Whether it can be done now. */
  readonly can: (side: Side, peer: Side, bounds: Bounds) => boolean;
  readonly act: (side: Side, peer: Side) => void;
}

const CLOSE_STATUS = { client: 1000, server: 4000 } as const;

const next = (side: Side, peer: Side) => (side.transportReported ? undefined : peer.way[0]);
const isChunkNext = (side: Side, peer: Side) => typeof next(side, peer) === 'object';
const canSend = (side: Side, _: Side, { messages }: Bounds) => side.sent < messages && !side.isFragmentOpen;

/** Compressed, a message is the other way round. Nobody here knows DEFLATE. */
const turnedRound = (bytes: Uint8Array) => bytes.slice().reverse();

/** §5.5.1, §6.1: data is taken while the connection is open, and never else. */
function expectTaken(side: Side, isTaken: boolean): boolean {
  const isOpen = side.expectedState === 'open' && !side.transportReported;
  if (isTaken !== isOpen) side.breach ??= `${side.expectedState}: a send returned ${isTaken}`;
  return isTaken;
}

function send(side: Side, fin = true, isCompressed = false): void {
  const number = side.sent + 1;
  const whole = messageBytes(number);
  const part = side.isFragmentOpen ? whole.subarray(1) : fin ? whole : whole.subarray(0, 1);
  const payload = isCompressed ? turnedRound(part) : part;
  if (!expectTaken(side, side.connection.sendMessage(payload, number % 2 === 1, fin, isCompressed))) return;
  side.isFragmentOpen = !fin;
  if (fin) side.sent++;
}

function ping(side: Side): void {
  if (expectTaken(side, side.connection.sendControl(Opcode.Ping, Uint8Array.of(side.sentPings + 1)))) side.sentPings++;
}

function close(side: Side): void {
  side.connection.close(CLOSE_STATUS[side.role]);
}

function fail(side: Side): void {
  const mayFail = side.expectedState === 'open' || side.expectedState === 'closeSent';
  side.connection.fail('backlogTooLong');
  if (mayFail && !side.hasFailed) side.breach ??= 'a failure is not heard';
}

function halt(side: Side): void {
  side.isHalted = true;
  side.connection.halt();
}

function resume(side: Side): void {
  side.isHalted = false;
  side.connection.resume();
}

/** In memory that is lent, and used again right behind the call. */
function receive(side: Side, bytes: Uint8Array): void {
  const lent = concat(Uint8Array.of(0xaa), bytes, Uint8Array.of(0xaa));
  side.connection.receive(new Chunk(lent, true), 1, 1 + bytes.length);
  lent.fill(0xee);
}

function arrive(side: Side, peer: Side): void {
  const chunk = peer.way.shift()!;
  side.isCut = false;
  if (chunk === 'end') {
    side.endReported = true;
    side.connection.receiveEnd();
  } else {
    side.arrived += chunk.messages;
    receive(side, chunk.bytes);
  }
}

/** Something arrives, and the first handler that it reaches does something. */
function arriveAnd(reaction: (side: Side) => void, can: DeedOf['can'] = () => true): DeedOf {
  return {
    can: (side, peer, bounds) => isChunkNext(side, peer) && can(side, peer, bounds),
    act(side, peer) {
      side.reaction = () => reaction(side);
      arrive(side, peer);
    },
  };
}

function endInflation(side: Side) {
  const inflation = side.inflation!;
  side.inflation = undefined;
  return inflation;
}

const DEEDS_TABLE = {
  // The user's calls.
  send: { can: canSend, act: (side) => send(side) },
  sendCompressed: { can: canSend, act: (side) => send(side, true, true) },
  /** The first fragment of a message, or the rest of it. */
  sendFragment: {
    can: (side, _, { messages }) => side.sent < messages,
    act: (side) => send(side, side.isFragmentOpen),
  },
  ping: { can: (side, _, { pings }) => side.sentPings < pings, act: ping },
  close: { can: () => true, act: close },
  fail: { can: () => true, act: fail },
  halt: { can: (side) => !side.isHalted, act: halt },
  resume: { can: (side) => side.isHalted, act: resume },
  /** What was put off may be handed out now. */
  rateAllows: {
    can: (side) => side.isRateHeld,
    act(side) {
      side.isRateHeld = false;
      side.connection.resume(Hold.Rate);
    },
  },

  /** What comes next from the peer: a chunk, or the end. */
  arrive: { can: (side, peer) => next(side, peer) !== undefined, act: arrive },
  /** All of a frame but its last byte. */
  arrivePart: {
    can: (side, peer) => isChunkNext(side, peer) && !side.isCut && !(next(side, peer) as Transit).isJoined,
    act(side, peer) {
      const frame = peer.way[0] as Transit;
      const place = frame.bytes.length - 1;
      peer.way[0] = { ...frame, bytes: frame.bytes.subarray(place) };
      side.isCut = true;
      receive(side, frame.bytes.subarray(0, place));
    },
  },
  /** The next two frames become one chunk. */
  join: {
    can: (side, peer) =>
      isChunkNext(side, peer) &&
      typeof peer.way[1] === 'object' &&
      !side.isCut &&
      !(next(side, peer) as Transit).isJoined,
    act(_, peer) {
      const [first, second] = peer.way.splice(0, 2) as [Transit, Transit];
      const bytes = concat(first.bytes, second.bytes);
      peer.way.unshift({ bytes, messages: first.messages + second.messages, isJoined: true });
    },
  },
  arriveAndHalt: arriveAnd(halt, (side) => !side.isHalted),
  arriveAndResume: arriveAnd(resume, (side) => side.isHalted),
  arriveAndSend: arriveAnd((side) => send(side), canSend),
  arriveAndClose: arriveAnd(close),
  arriveAndFail: arriveAnd((side) => side.connection.fail('backlogTooLong')),
  arriveAndThrow: arriveAnd((side) => {
    // What the handlers of the end throw goes to the caller, and is tested by itself.
    if (!side.closeHeard && !side.hasFailed) throw new Error('thrown by a handler');
  }),
  arriveAndPutOff: {
    can: (side, peer) => isChunkNext(side, peer) && !side.isRateHeld,
    act(side, peer) {
      side.putsOff = true;
      arrive(side, peer);
    },
  },

  // What takes time.
  inflated: {
    can: (side) => side.inflation !== undefined,
    act(side) {
      const { bytes, done } = endInflation(side);
      done(undefined, turnedRound(bytes));
    },
  },
  inflatedCorrupt: {
    can: (side) => side.inflation !== undefined,
    act: (side) => endInflation(side).done({ id: 'corrupt', error: new Error('corrupt') }, new Uint8Array(0)),
  },
  /** The next turn of the event loop. */
  turn: {
    can: (side) => side.turn !== undefined,
    act(side) {
      const action = side.turn!;
      side.turn = undefined;
      action();
    },
  },
  /** The network has taken the pongs. */
  flushed: { can: (side) => side.connection.isAwaitingFlush, act: (side) => side.connection.flushed() },

  /** Both directions have ended, and so the transport closes. */
  transportCloses: {
    can: (side) => side.hasEnded && side.endReported && !side.transportReported,
    act(side) {
      side.transportReported = true;
      side.connection.transportClosed();
    },
  },
  /** The transport breaks: what is on its way to this side is lost. What it has written may still arrive, and then its end. */
  lose: {
    can: (side) => !side.transportReported,
    act(side, peer) {
      side.isLost = true;
      side.transportReported = true;
      if (side.reachesPeer && !side.hasEnded) side.way.push('end');
      side.reachesPeer = false;
      peer.way.length = 0;
      peer.reachesPeer = false;
      side.connection.transportClosed();
    },
  },
} as const satisfies Record<string, DeedOf>;

export type Deed = keyof typeof DEEDS_TABLE;
export const DEEDS: Readonly<Record<Deed, DeedOf>> = DEEDS_TABLE;

/** Those that happen by themselves, sooner or later. */
export const SETTLING: readonly Deed[] = [
  'resume',
  'rateAllows',
  'inflated',
  'turn',
  'flushed',
  'arrive',
  'transportCloses',
];
