/**
 * Faults to be found: each breaks one rule of the core in this process, until it is mended. The table of the closing handshake
 * row by row, and the rules that stand in the code of Connection.
 */

import {
  type Chunk,
  Connection,
  type ConnectionEvent,
  type ConnectionHandler,
  type ConnectionState,
  canHappen,
  FIN,
  type FrameOutput,
  Hold,
  Opcode,
  TRANSITIONS,
} from '../../src/protocol/index.ts';

export type Mend = () => void;

type Row = Partial<Record<ConnectionEvent, ConnectionState>>;

/** Makes an event lead to another state, or to none. */
export function breakTransition(from: ConnectionState, event: ConnectionEvent, to: ConnectionState | undefined): Mend {
  const row = TRANSITIONS[from] as Row;
  const { [event]: before } = row;
  const put = (state: ConnectionState | undefined) => {
    if (state === undefined) delete row[event];
    else row[event] = state;
  };
  put(to);
  return () => put(before);
}

/** A Connection from inside, for those who break it: what is private, and what of the rest is used here. */
interface Inside {
  inbox: unknown[];
  isTransportClosed: boolean;
  isReading: boolean;
  holds: number;
  parser: { isStopped: boolean; isHalted: boolean };
  state: ConnectionState;
  unansweredPing: Uint8Array | undefined;
  output: Pick<FrameOutput, 'writeFrame' | 'end'>;
  handler: ConnectionHandler;
  readInbox(): void;
  advance(event: ConnectionEvent): void;
  discardInput(): void;
  halt(reason: number): void;
  resume(reason: number): void;
}

type Method = (this: Inside, ...given: never[]) => unknown;

export interface Fault {
  readonly rule: string;
  readonly scenario: string;
  readonly method: string;
  /** The method without the rule. @param original the method as it is */
  readonly broken: (original: Method) => Method;
}

/** A method that does something first, or behind it. */
const before =
  (action: (connection: Inside) => void) =>
  (original: Method): Method =>
    function (...given) {
      action(this);
      return original.apply(this, given);
    };

export const FAULTS: readonly Fault[] = [
  {
    rule: '§5.5.1 data is sent behind a Close frame',
    scenario: 'closing',
    method: 'sendMessage',
    broken: () =>
      function (this: Inside, payload: Uint8Array | string) {
        if (!this.isTransportClosed) this.output.writeFrame(FIN | Opcode.Binary, payload);
        return true;
      } as Method,
  },
  {
    rule: '§7.1.2 a Close frame is sent twice',
    scenario: 'closing',
    method: 'close',
    broken: () =>
      function (this: Inside) {
        this.output.writeFrame(FIN | Opcode.Close, Uint8Array.of(3, 232));
        if (this.state === 'open') this.advance('sendClose');
      },
  },
  {
    rule: '§7.1.1 the server does not end TCP',
    scenario: 'closing',
    method: 'receiveClose',
    broken: (original) =>
      function (...given) {
        const { output } = this;
        this.output = { writeFrame: (firstByte, payload) => output.writeFrame(firstByte, payload), end: () => {} };
        original.apply(this, given);
        this.output = output;
      },
  },
  {
    rule: '§7.1.5 this side does not end when the peer has',
    scenario: 'closing',
    method: 'readEnd',
    broken: () =>
      function (this: Inside) {
        if (canHappen(this.state, 'peerEnd')) this.advance('peerEnd');
      },
  },
  {
    rule: '§7.1.7 a connection that fails does not end',
    scenario: 'closing',
    method: 'fail',
    broken: () =>
      function (this: Inside) {
        if (!canHappen(this.state, 'fail')) return;
        this.advance('fail');
        this.discardInput();
        this.handler.failed('handlerFailed', 0);
      },
  },
  {
    rule: '§7.1.7 a connection that has failed reads on',
    scenario: 'handlers that act',
    method: 'discardInput',
    broken: () => () => {},
  },
  {
    rule: 'what is discarded goes on holding back the end',
    scenario: 'compressed messages',
    method: 'discardInput',
    broken: (original) =>
      function (...given) {
        const { holds } = this;
        original.apply(this, given);
        this.holds = holds;
      },
  },
  {
    rule: 'a failure forgets that the transport is gone',
    scenario: 'compressed messages',
    method: 'fail',
    broken: (original) =>
      function (...given) {
        // So that nothing is read at its end.
        const { isReading } = this;
        this.isReading = true;
        original.apply(this, given);
        this.isReading = isReading;
      },
  },
  {
    rule: 'halt holds back only what has been read',
    scenario: 'closing',
    method: 'halt',
    broken: (original) =>
      function (...given) {
        original.apply(this, given);
        this.parser.isHalted = false;
      },
  },
  {
    rule: 'resume does not read what waits',
    scenario: 'closing',
    method: 'resume',
    broken: () =>
      function (this: Inside, reason: number = Hold.Application) {
        this.holds &= ~reason;
        if (this.holds === 0) this.parser.isHalted = false;
      } as Method,
  },
  {
    rule: 'resume ends every hold',
    scenario: 'messages put off',
    method: 'resume',
    broken: before((connection) => {
      connection.holds = 0;
    }),
  },
  {
    rule: 'the rest of a chunk is dropped when a handler halts',
    scenario: 'messages in pieces',
    method: 'putBack',
    broken: () => () => {},
  },
  {
    rule: 'what waits is not copied out of lent memory',
    scenario: 'closing',
    method: 'keep',
    broken: () => ((chunk: Chunk, start: number, end: number) => ({ chunk, start, end })) as Method,
  },
  {
    rule: 'the end overtakes what waits',
    scenario: 'closing',
    method: 'receiveEnd',
    broken: () =>
      function (this: Inside) {
        this.inbox.unshift('end');
        this.readInbox();
      },
  },
  {
    rule: 'the loss of the transport discards what has arrived',
    scenario: 'closing',
    method: 'transportClosed',
    broken: before((connection) => connection.discardInput()),
  },
  {
    rule: 'a message is handed out twice',
    scenario: 'closing',
    method: 'deliver',
    broken: (original) =>
      function (...given) {
        original.apply(this, given);
        original.apply(this, given);
      },
  },
  {
    rule: '§5.5.3 the ping that was remembered is forgotten',
    scenario: 'pings whose pongs wait',
    method: 'flushed',
    broken: before((connection) => {
      connection.unansweredPing = undefined;
    }),
  },
  {
    rule: 'the rest of a chunk overtakes a message of it that was put off',
    scenario: 'messages put off',
    method: 'putBack',
    broken: () =>
      function (this: Inside, rest: unknown) {
        this.inbox.unshift(rest);
      } as Method,
  },
  {
    rule: 'RFC 7692 §7.2.2 messages overtake one that is being inflated',
    scenario: 'compressed messages',
    method: 'inflate',
    broken: (original) =>
      function (...given) {
        original.apply(this, given);
        this.resume(Hold.Inflation);
      },
  },
  {
    rule: 'a connection that has had its share of a turn is not resumed',
    scenario: 'turns of the event loop',
    method: 'watchTurn',
    broken: () =>
      function (this: Inside) {
        this.halt(Hold.Turn);
      },
  },
];

export function breakRule({ method, broken }: Fault): Mend {
  const methods = Connection.prototype as unknown as Record<string, Method>;
  const original = methods[method]!;
  methods[method] = broken(original);
  return () => {
    methods[method] = original;
  };
}
