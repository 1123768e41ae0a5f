/** Group 5: fragments make one message, control frames may stand between them and must be whole, and order matters (§5.4). */

import { Opcode } from '../../protocol/index.ts';
import {
  answered,
  type ConformanceCase,
  closeAfter,
  type ExpectedEvent,
  type FrameOptions,
  type FrameStep,
  failAfter,
  frame,
  messageEvent,
  pongEvent,
  rejected,
  type Step,
} from '../case.ts';
import { joined, type Payload, text } from '../payload.ts';

const FRAGMENTS = [1, 2, 3, 4, 5].map((number) => text(`fragment${number}`));
const [F1, F2, F3, F4, F5] = FRAGMENTS as [Payload, Payload, Payload, Payload, Payload];
const PING = text('ping payload');
const LONE = text('non-continuation payload');
const HELLO = text('Hello, world!');

/** Opens a message; `whole` would end it too. */
const open = (payload: Payload): FrameStep => frame(Opcode.Text, payload, { fin: false });
const whole = (payload: Payload): FrameStep => frame(Opcode.Text, payload);
const middle = (payload: Payload): FrameStep => frame(Opcode.Continuation, payload, { fin: false });
const last = (payload: Payload): FrameStep => frame(Opcode.Continuation, payload);
const ping = (payload: Payload): FrameStep => frame(Opcode.Ping, payload);
const echo = (...fragments: Payload[]): ExpectedEvent => messageEvent(false, joined(...fragments));

interface Delivery {
  readonly note: string;
  readonly options: FrameOptions;
}

/** Most cases come three times: as fast as possible, a write for each frame, a write for each byte. */
const DELIVERIES: readonly Delivery[] = [
  { note: '', options: {} },
  { note: ', each a write', options: { isAlone: true } },
  { note: ', byte by byte', options: { chopBytes: 1 } },
];

function delivered(steps: readonly Step[], { options }: Delivery): Step[] {
  return steps.map((step) => (step.do === 'frame' ? { ...step, ...options } : step));
}

function inThreeDeliveries(firstNumber: number, make: (id: string, delivery: Delivery) => ConformanceCase) {
  return DELIVERIES.map((delivery, i) => make(`5.${firstNumber + i}`, delivery));
}

const TWO_PINGS: readonly Step[] = [
  open(F1),
  middle(F2),
  ping(text('pongme 1!')),
  { do: 'pause', delayMs: 1000 },
  middle(F3),
  middle(F4),
  ping(text('pongme 2!')),
  last(F5),
];

export const FRAGMENTATION_CASES: readonly ConformanceCase[] = [
  ...[Opcode.Ping, Opcode.Pong].map((opcode, i) =>
    rejected(`5.${i + 1}`, `a ${opcode === Opcode.Ping ? 'ping' : 'pong'} in two fragments`, [
      frame(opcode, F1, { fin: false }),
      last(F2),
      failAfter(1000),
    ]),
  ),
  ...inThreeDeliveries(3, (id, delivery) =>
    answered(
      id,
      `text in two fragments${delivery.note}`,
      [...delivered([open(F1), last(F2)], delivery), closeAfter(1000)],
      [echo(F1, F2)],
    ),
  ),
  ...inThreeDeliveries(6, (id, delivery) =>
    answered(
      id,
      `text in two fragments with a ping between them${delivery.note}`,
      [...delivered([open(F1), ping(PING), last(F2)], delivery), closeAfter(1000)],
      [pongEvent(PING), echo(F1, F2)],
    ),
  ),
  ...inThreeDeliveries(9, (id, delivery) =>
    rejected(id, `a final continuation that continues nothing, then text${delivery.note}`, [
      ...delivered([last(LONE), whole(HELLO)], delivery),
      failAfter(1000),
    ]),
  ),
  ...inThreeDeliveries(12, (id, delivery) =>
    rejected(id, `a continuation that continues nothing, then text${delivery.note}`, [
      ...delivered([middle(LONE), whole(HELLO)], delivery),
      failAfter(1000),
    ]),
  ),
  rejected(
    '5.15',
    'text in two fragments, then a continuation that continues nothing',
    [open(F1), last(F2), middle(F3), whole(F4), failAfter(1000)],
    [echo(F1, F2)],
    [],
  ),
  ...[middle, last].map((first, i) => {
    const round = [first(F1), open(F2), last(F3)];
    const kind = i === 0 ? 'a continuation' : 'a final continuation';
    return rejected(`5.${16 + i}`, `${kind} that continues nothing before text in two fragments, twice`, [
      ...round,
      ...round,
      failAfter(1000),
    ]);
  }),
  rejected('5.18', 'a text frame inside a fragmented text message', [open(F1), whole(F2), failAfter(1000)]),
  ...DELIVERIES.slice(0, 2).map((delivery, i) =>
    answered(
      `5.${19 + i}`,
      `text in five fragments with two pings between them and a pause${delivery.note}`,
      [...delivered(TWO_PINGS, delivery), closeAfter(1000)],
      [pongEvent(text('pongme 1!')), pongEvent(text('pongme 2!')), echo(...FRAGMENTS)],
    ),
  ),
];
