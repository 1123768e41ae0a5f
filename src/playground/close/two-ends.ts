/**
 * Both ends of a connection and the two wires between them, to be driven by hand: each end is the `Connection` of
 * production, and what it sends lies on a wire until it is delivered. So Close frames can cross, be lost, or never be read
 * (§7.1). A story is a list of actions; playing it anew gives the same ends again.
 */

import {
  Connection,
  type ConnectionEvent,
  type ConnectionState,
  closeCodeName,
  encodeFrame,
  encodeUtf8,
  Opcode,
  opcodeName,
  type Role,
  resolveLimits,
  TRANSITIONS,
  type TransitionTable,
  VIOLATIONS,
} from '../../protocol/index.ts';
import { readCloseCode } from '../../protocol/reference.ts';
import { EXAMPLE_KEY } from '../lab/receiver.ts';

/**
 * What can be done, as one word each, so that a story fits in an address:
 * `close` with a code, or `closeEmpty`; `badText`: a text that is no UTF-8; `text`; `drop`: TCP is gone; `stick`: the end
 * reads no more; `read`: it reads again; `throws`: its program will throw at the next message; `give`: what is first on the
 * wire to this end is delivered.
 */
export const ACTIONS = ['close', 'closeEmpty', 'text', 'badText', 'throws', 'drop', 'stick', 'read', 'give'] as const;
export type Action = (typeof ACTIONS)[number];

export interface Step {
  readonly end: Role;
  readonly action: Action;
  /** Of `close`. */
  readonly code?: number;
}

/** What lies on a wire: a frame, the end of what one side sends, or the news that TCP is gone. */
export type Packet =
  | { readonly kind: 'frame'; readonly bytes: Uint8Array; readonly label: string }
  | { readonly kind: 'end' | 'reset'; readonly label: string };

export interface Transition {
  readonly event: ConnectionEvent;
  readonly from: ConnectionState;
  readonly to: ConnectionState;
}

/** One end as it is now. */
export interface EndView {
  readonly role: Role;
  readonly state: ConnectionState;
  readonly transitions: readonly Transition[];
  /** What its program is told at the end: undefined while the connection lasts. */
  readonly closeCode: number | undefined;
  readonly closeReason: string;
  /** What this end has sent and the other has not read. */
  readonly wire: readonly Packet[];
  /** What happened here, in words. */
  readonly log: readonly string[];
  readonly isStuck: boolean;
  readonly hasTcp: boolean;
}

export type EndsView = Readonly<Record<Role, EndView>>;

const TABLE: TransitionTable = TRANSITIONS;
const BAD_TEXT = Uint8Array.of(0xc3, 0x28);

const other = (role: Role): Role => (role === 'client' ? 'server' : 'client');

/** Plays a story from the open connection on. What cannot be done at its place is passed over. */
export function play(story: readonly Step[]): EndsView {
  const ends = { client: new End('client'), server: new End('server') };
  for (const { end: role, action, code } of story) {
    const end = ends[role];
    const peer = ends[other(role)];
    if (action === 'give') end.takeFrom(peer);
    else end.act(action, code, peer);
  }
  return { client: ends.client.view(), server: ends.server.view() };
}

/** Whether an action does anything now. */
export function isPossible(view: EndsView, { end: role, action }: Step): boolean {
  const end = view[role];
  const isOpen = end.state === 'open';
  if (action === 'give') return view[other(role)].wire.length > 0 && !end.isStuck && end.hasTcp;
  if (action === 'read') return end.isStuck;
  if (action === 'drop' || action === 'stick') return end.hasTcp && !(action === 'stick' && end.isStuck);
  return isOpen;
}

class End {
  readonly #connection: Connection;
  readonly #transitions: Transition[] = [];
  readonly #log: string[] = [];
  #wire: Packet[] = [];
  #isStuck = false;
  #willThrow = false;
  #hasSentEnd = false;
  #hasReadEnd = false;
  #hasTcp = true;

  constructor(role: Role) {
    const key = role === 'client' ? EXAMPLE_KEY : undefined;
    const output = {
      writeFrame: (firstByte: number, payload: Uint8Array | string) => {
        const bytes = typeof payload === 'string' ? encodeUtf8(payload) : payload;
        this.#send(firstByte, bytes, key);
      },
      flush: () => {},
      end: () => this.#endTcp(),
    };
    const handler = {
      message: () => {
        if (this.#willThrow) throw new Error('The program has a fault');
      },
      ping: () => {},
      pong: () => {},
      closeReceived: () => {},
      failed: (id: keyof typeof VIOLATIONS) =>
        this.#log.push(`Failed the connection: ${VIOLATIONS[id].message} (${VIOLATIONS[id].section})`),
      closed: () => this.#log.push(`TCP is closed: the program is told ${this.#connection.closeCode}`),
    };
    this.#connection = new Connection(output, handler, { role, limits: resolveLimits() });
    this.#watchState();
  }

  view(): EndView {
    const { role, state, closeCode, closeReason } = this.#connection;
    return {
      role,
      state,
      transitions: [...this.#transitions],
      closeCode: state === 'closed' ? closeCode : undefined,
      closeReason: new TextDecoder().decode(closeReason),
      wire: [...this.#wire],
      log: [...this.#log],
      isStuck: this.#isStuck,
      hasTcp: this.#hasTcp,
    };
  }

  act(action: Exclude<Action, 'give'>, code: number | undefined, peer: End): void {
    const connection = this.#connection;
    if (action === 'stick') this.#isStuck = true;
    else if (action === 'read') this.#isStuck = false;
    else if (action === 'drop') this.#drop(peer);
    else if (connection.state !== 'open') return;
    else if (action === 'close') connection.close(code ?? 1000);
    else if (action === 'closeEmpty') connection.close();
    else if (action === 'text') connection.sendMessage('Hello', false);
    else if (action === 'badText') connection.sendMessage(BAD_TEXT, false);
    else this.#willThrow = true;
  }

  /** Reads the first thing on the wire from the peer. */
  takeFrom(peer: End): void {
    if (this.#isStuck || !this.#hasTcp) return;
    const packet = peer.#wire.shift();
    if (packet === undefined) return;
    this.#log.push(`Read: ${packet.label}`);
    if (packet.kind === 'frame') {
      this.#connection.receive(packet.bytes.slice());
    } else if (packet.kind === 'reset') {
      this.#loseTcp();
    } else {
      this.#hasReadEnd = true;
      this.#connection.receiveEnd();
    }
    // TCP is closed once both sides have said that they are done and have heard it.
    if (this.#hasReadEnd && this.#hasSentEnd) this.#loseTcp();
  }

  #send(firstByte: number, payload: Uint8Array, key: number | undefined): void {
    const opcode = firstByte & 0xf;
    const kind = payload === BAD_TEXT ? 'text that is no UTF-8' : opcodeName(opcode);
    const label = opcode === Opcode.Close ? `Close ${codeText(readCloseCode(payload))}` : kind;
    this.#log.push(`Sent: ${label}`);
    this.#wire.push({ kind: 'frame', bytes: encodeFrame(firstByte, payload, key), label });
  }

  #endTcp(): void {
    if (this.#hasSentEnd || !this.#hasTcp) return;
    this.#hasSentEnd = true;
    this.#log.push('Ended its side of TCP');
    this.#wire.push({ kind: 'end', label: 'TCP ends' });
  }

  /** What was on the way is lost, and the peer learns that TCP is gone when it reads. */
  #drop(peer: End): void {
    if (!this.#hasTcp) return;
    this.#log.push('TCP is dropped');
    peer.#wire = [];
    this.#loseTcp();
    this.#wire = [{ kind: 'reset', label: 'TCP is gone' }];
  }

  #loseTcp(): void {
    if (!this.#hasTcp) return;
    this.#hasTcp = false;
    this.#connection.transportClosed();
  }

  /** Writes each change of state down: some last no longer than a call. */
  #watchState(): void {
    let state = this.#connection.state;
    const note = (to: ConnectionState) => {
      const event = (Object.keys(TABLE[state]) as ConnectionEvent[]).find((name) => TABLE[state][name] === to)!;
      this.#transitions.push({ event, from: state, to });
      state = to;
    };
    Object.defineProperty(this.#connection, 'state', { get: () => state, set: note });
  }
}

function codeText(code: number): string {
  return code === 1005 ? 'without a code' : `${code} (${closeCodeName(code)})`;
}

/** `c.close.1000 s.give`: a story as it stands in an address. */
export function formatStory(story: readonly Step[]): string {
  return story
    .map(({ end, action, code }) => [end[0], action, ...(code === undefined ? [] : [code])].join('.'))
    .join(' ');
}

/** Reads what `formatStory` writes; whatever else stands there is passed over. */
export function parseStory(text: string): Step[] {
  return text.split(' ').flatMap((word) => {
    const [, side, action, code] = /^([cs])\.(\w+)(?:\.(\d{4}))?$/.exec(word) ?? [];
    if (side === undefined || !ACTIONS.includes(action as Action)) return [];
    const end: Role = side === 'c' ? 'client' : 'server';
    return [{ end, action: action as Action, ...(code !== undefined && { code: Number(code) }) }];
  });
}

export interface Scenario {
  readonly title: string;
  readonly story: string;
  /** What both programs are told. */
  readonly codes: Readonly<Record<Role, number>>;
  readonly explanation: string;
  readonly section: string;
}

/** How the codes come about. */
export const SCENARIOS: readonly Scenario[] = [
  {
    title: '1000: an agreed end',
    story: 'c.close.1000 s.give c.give c.give s.give',
    codes: { client: 1000, server: 1000 },
    explanation:
      'The client sends Close. The server answers with the same code and ends TCP first. Both are told 1000.',
    section: '§7.1.4',
  },
  {
    title: '1005: no code',
    story: 'c.closeEmpty s.give c.give c.give s.give',
    codes: { client: 1005, server: 1005 },
    explanation:
      'The Close frame is empty. 1005 never stands in a frame: it is what a program is told when there was no code.',
    section: '§7.1.5',
  },
  {
    title: '1006: TCP is dropped',
    story: 's.drop c.give',
    codes: { client: 1006, server: 1006 },
    explanation: 'No Close frame came. 1006 never stands in a frame either: it says that TCP ended without a word.',
    section: '§7.1.5',
  },
  {
    title: '1006: no answer',
    story: 's.stick c.close.1000 c.drop s.read s.give',
    codes: { client: 1006, server: 1006 },
    explanation:
      'The server has stopped reading. The client waits for an answer, then its close timeout drops TCP. Its own Close frame does not count: the code is what the peer said.',
    section: '§7.1.1',
  },
  {
    title: '1007: text that is no UTF-8',
    story: 'c.badText s.give c.give c.give s.give s.give',
    codes: { client: 1007, server: 1006 },
    explanation:
      'The server fails the connection and says why in its Close frame: the client is told 1007. The server reads nothing more, so no Close frame reaches it: it is told 1006, and has its own error to tell why.',
    section: '§8.1',
  },
  {
    title: '1011: the program fails',
    story: 's.throws c.text s.give c.give c.give s.give s.give',
    codes: { client: 1011, server: 1006 },
    explanation: 'The handler of the server throws. Nothing was wrong with the message, and Close 1011 says so.',
    section: '§7.4.1',
  },
  {
    title: 'Both at once',
    story: 'c.close.1000 s.close.1001 s.give c.give c.give s.give',
    codes: { client: 1001, server: 1000 },
    explanation:
      'Two Close frames cross on the way. Each is the answer to the other. Each program is told what its peer said.',
    section: '§7.1.5',
  },
];
