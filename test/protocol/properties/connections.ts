/** Properties of connections under any calls in any order (§7): the state table, and the closing handshake. */

import fc from 'fast-check';
import {
  type ConnectionState,
  isSendableCloseCode,
  Opcode,
  type Role,
  TRANSITIONS,
} from '../../../src/protocol/index.ts';
import { anyCuts, anyPayload, anyRole, applyCuts, type Cuts } from '../../support/arbitraries.ts';
import { defineProperty, type FuzzProperty } from '../../support/fuzz.ts';
import { End, type EndOptions, linkPair, peerFrame } from '../../support/link-pair.ts';
import type { FrameFields } from '../../support/wire.ts';

/** What may be done to a connection at any time, by its user, its transport and its peer. */
const ACTIONS = {
  sendText: ({ connection }) => connection.sendMessage('text', false),
  sendFragment: ({ connection }) => connection.sendMessage('part', true, false),
  sendPing: ({ connection }) => connection.sendControl(Opcode.Ping, new Uint8Array(3)),
  close: ({ connection }) => connection.close(1000, 'bye'),
  closeWithoutCode: ({ connection }) => connection.close(),
  fail: ({ connection }) => connection.fail('handlerFailed', 0, 'asked for'),
  halt: ({ connection }) => connection.halt(),
  resume: ({ connection }) => connection.resume(),
  discardInput: ({ connection }) => connection.discardInput(),
  flushed: ({ connection }) => connection.flushed(),
  peerEnds: ({ connection }) => connection.receiveEnd(),
  transportCloses: ({ connection }) => connection.transportClosed(),
  nothing: () => {},
} satisfies Record<string, (end: End) => void>;
type ActionName = keyof typeof ACTIONS;
const anyAction = fc.constantFrom(...(Object.keys(ACTIONS) as ActionName[]));

const PEER_FRAMES: FrameFields[] = [
  { opcode: 1, payload: 'text' },
  { opcode: 2, payload: [1, 2, 3] },
  { fin: false, opcode: 1, payload: 'part' },
  { opcode: 0, payload: 'rest' },
  { opcode: 9, payload: 'ping' },
  { opcode: 10 },
  { opcode: 8, payload: [0x03, 0xe8] },
  { opcode: 8 },
  { opcode: 8, payload: [0x03, 0xed] },
  { opcode: 1, payload: [0xff] },
  { opcode: 3 },
];

type Step = { readonly action: ActionName } | { readonly frames: readonly FrameFields[]; readonly cuts: Cuts };
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ action: anyAction }) },
  {
    weight: 4,
    arbitrary: fc.record({
      frames: fc.array(fc.constantFrom(...PEER_FRAMES), { minLength: 1, maxLength: 4 }),
      cuts: anyCuts,
    }),
  },
);

/** What a handler does when it is called: one of the actions, or it throws. */
const anyReaction = fc.oneof(
  { weight: 6, arbitrary: fc.constant<ActionName | 'throw'>('nothing') },
  { weight: 3, arbitrary: anyAction },
  { weight: 1, arbitrary: fc.constant<ActionName | 'throw'>('throw') },
);

/** Whether a way leads from one state to the other in the table, in any number of steps. */
const REACHABLE = new Map<ConnectionState, Set<ConnectionState>>();
for (const from of Object.keys(TRANSITIONS) as ConnectionState[]) {
  const reached = new Set([from]);
  for (const state of reached) for (const next of Object.values(TRANSITIONS[state])) reached.add(next);
  REACHABLE.set(from, reached);
}

/** Watches one connection: its states, and what must not come behind what. */
class Watch {
  private state: ConnectionState = 'open';
  private readonly end: End;

  constructor(end: End) {
    this.end = end;
  }

  check(after: string): void {
    const { connection, output, handler } = this.end;
    const next = connection.state;
    if (!REACHABLE.get(this.state)!.has(next)) throw new Error(`${after}: ${this.state} became ${next}`);
    this.state = next;
    const frames = output.frames.map(([firstByte]) => firstByte);
    const close = frames.indexOf(0x88);
    if (close !== -1 && close !== frames.length - 1)
      throw new Error(`${after}: a frame behind a Close frame: ${output.log}`);
    if ((next === 'closeSent' || next === 'closeExchanged') && close === -1)
      throw new Error(`${after}: no Close frame`);
    const { log } = handler;
    const last = log.findIndex((call) => call === 'closeReceived' || call.startsWith('failed'));
    const behind = last === -1 ? [] : log.slice(last + 1);
    if (behind.some((call) => call !== 'closed')) throw new Error(`${after}: heard behind the end: ${log}`);
    const closed = log.indexOf('closed');
    if (closed !== -1 && closed !== log.length - 1) throw new Error(`${after}: heard behind closed: ${log}`);
    if ((closed !== -1) !== (next === 'closed')) throw new Error(`${after}: ${next}, but heard ${log}`);
  }
}

function runSteps(
  role: Role,
  options: EndOptions,
  steps: readonly Step[],
  reactions: readonly (ActionName | 'throw')[],
): void {
  const end = new End(role, options);
  const watch = new Watch(end);
  let calls = 0;
  let hasPeerEnded = false;
  const act = (action: ActionName) => {
    hasPeerEnded ||= action === 'peerEnds' || action === 'transportCloses';
    const isOpen = end.connection.isOpen;
    const result = ACTIONS[action](end);
    if (typeof result === 'boolean' && result !== isOpen) throw new Error(`${action} returned ${result}`);
  };
  end.handler.react = ({ call }) => {
    const isHaltedBefore = end.connection.isHolding;
    if (isHaltedBefore && (call === 'message' || call === 'ping' || call === 'pong'))
      throw new Error(`${call} while halted`);
    const reaction = reactions[calls++ % reactions.length]!;
    if (reaction !== 'throw') act(reaction);
    // What the last three throw goes to whoever called the connection, and is tested by itself.
    else if (call === 'message' || call === 'ping' || call === 'pong') throw new Error('thrown by a handler');
  };
  for (const step of steps) {
    if ('action' in step) {
      act(step.action);
      watch.check(step.action);
      continue;
    }
    const wires = step.frames.map((fields) => peerFrame(role, fields));
    for (const wire of wires) {
      // A transport hands nothing on behind its end.
      for (const chunk of applyCuts(wire, step.cuts)) if (!hasPeerEnded) end.connection.receive(chunk);
      watch.check('receive');
    }
  }
  end.connection.resume();
  act('transportCloses');
  end.connection.resume();
  end.connection.discardInput();
  end.connection.resume();
  watch.check('the end');
  if (end.connection.state !== 'closed') throw new Error(`ended as ${end.connection.state}`);
}

const connectionStateTable = defineProperty(
  'connection-state-table',
  '§7.1 any calls in any order keep to the state table, and nothing is written behind a Close frame',
  fc.record({
    role: anyRole,
    limits: fc.constantFrom({}, { maxPendingPongs: 1, maxControlFramesBetweenData: 3 }),
    steps: fc.array(anyStep, { maxLength: 8 }),
    reactions: fc.array(anyReaction, { minLength: 1, maxLength: 5 }),
  }),
  ({ role, limits, steps, reactions }) => runSteps(role, { limits, now: () => 0 }, steps, reactions),
);

const anyCloseCode = fc.oneof(fc.constant(undefined), fc.constantFrom(1000, 1001, 1011, 3000, 4999));

const closingBetweenTwoEnds = defineProperty(
  'closing-between-two-ends',
  '§7.1 two ends that close at any time end closed on both sides, with all that was sent before received',
  fc.record({
    cuts: anyCuts,
    sent: fc.array(fc.tuple(fc.boolean(), anyPayload), { maxLength: 6 }),
    deliverAfter: fc.nat(6),
    closers: fc.constantFrom(['client'], ['server'], ['client', 'server'], ['server', 'client']),
    code: anyCloseCode,
  }),
  ({ cuts, sent, deliverAfter, closers, code }) => {
    const pair = linkPair({ chunking: (bytes) => applyCuts(bytes, cuts) });
    const expected = { client: 0, server: 0 };
    sent.forEach(([isFromClient, payload], i) => {
      if (i === deliverAfter) pair.deliver();
      (isFromClient ? pair.client : pair.server).connection.sendMessage(payload, true);
      expected[isFromClient ? 'server' : 'client']++;
    });
    for (const closer of closers) pair[closer as 'client' | 'server'].connection.close(code);
    pair.deliver();
    for (const side of ['client', 'server'] as const) {
      const { connection, handler, output } = pair[side];
      const heard = handler.log.map((call) => call.split(':')[0]);
      const messages = Array<string>(expected[side]).fill('binary');
      if (heard.join() !== [...messages, 'closeReceived', 'closed'].join()) throw new Error(`${side} heard ${heard}`);
      if (connection.state !== 'closed') throw new Error(`${side} is ${connection.state}`);
      if (connection.closeCode !== (code ?? 1005)) throw new Error(`${side}: code ${connection.closeCode}`);
      if (output.frames.at(-1)![0] !== 0x88) throw new Error(`${side} wrote ${output.log}`);
    }
    if (code !== undefined && !isSendableCloseCode(code)) throw new Error(`${code} may not be sent`);
  },
);

export const CONNECTION_PROPERTIES: readonly FuzzProperty[] = [connectionStateTable, closingBetweenTwoEnds];
