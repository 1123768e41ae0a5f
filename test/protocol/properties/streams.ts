/** Properties of whole streams of frames, through the parser and through a Connection (§5.4, §7). */

import fc from 'fast-check';
import {
  Chunk,
  FrameParser,
  type Inflater,
  isSendableCloseCode,
  type Limits,
  type ReferenceOptions,
  type Role,
  readCloseCode,
  readFrames,
  readMessages,
  resolveLimits,
  UNLIMITED,
  VIOLATIONS,
  type ViolationId,
} from '../../../src/protocol/index.ts';
import {
  anyCuts,
  anyGarbage,
  anyKey,
  anyMessage,
  anyRole,
  anyStream,
  applyCuts,
  type Cuts,
  framesOfMessage,
  type Stream,
  writeStream,
} from '../../support/arbitraries.ts';
import { type FrameEvent, parseChunks, RecordingSink } from '../../support/frames.ts';
import { defineProperty, type FuzzProperty } from '../../support/fuzz.ts';
import { End, type EndOptions } from '../../support/link-pair.ts';
import { copyOf, toHex } from '../../support/wire.ts';

function expectEqual(found: unknown, expected: unknown, what: string): void {
  const [foundText, expectedText] = [JSON.stringify(found), JSON.stringify(expected)];
  if (foundText !== expectedText) throw new Error(`${what}: ${foundText}\n   expected ${expectedText}`);
}

const LIMITS = [
  UNLIMITED,
  resolveLimits({ maxMessageBytes: 60, maxFrameBytes: 50, maxFragments: 4 }),
  resolveLimits({ maxMessageBytes: 125, maxFragments: 2 }),
];

const anySettings = fc.record({
  stream: fc.oneof({ weight: 5, arbitrary: anyStream }, { weight: 1, arbitrary: anyGarbage }),
  cuts: anyCuts,
  limits: fc.constantFrom(...LIMITS),
  strictLengths: fc.boolean(),
});

/** What the reference reads, as a `RecordingSink` notes it down. */
function referenceFrames(wire: Uint8Array, options: ReferenceOptions): FrameEvent[] {
  const { frames, violation } = readFrames(wire, options);
  const events = frames.map(({ offset, masked, maskingKey = 0, payloadLength, payload }): FrameEvent => {
    const firstByte = wire[offset]!;
    const isWhole = payload.length === payloadLength;
    if (isWhole) return { firstByte, masked, maskingKey, payload: toHex(payload) };
    return { firstByte, payloadLength, arrived: toHex(payload) };
  });
  if (violation === undefined) return events;
  return [...events, { violation: violation.id, detail: violation.detail }];
}

/** Bytes, and how they are read: in these chunks, in others, and halted at some calls. */
export interface Reading {
  readonly stream: Stream;
  readonly cuts: Cuts;
  readonly otherCuts: Cuts;
  readonly limits: Limits;
  readonly strictLengths: boolean;
  readonly halts: readonly boolean[];
}

const parserEqualsReference = defineProperty(
  'parser-equals-reference',
  '§5.2 any bytes in any chunks, halted anywhere: the frames and the violation of the reference reader',
  fc.record({
    settings: anySettings,
    otherCuts: anyCuts,
    allowsRsv1: fc.boolean(),
    /** At which calls of the sink to halt. */
    halts: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  }),
  ({ settings, otherCuts, allowsRsv1, halts }) =>
    expectParsedAsReference({ ...settings, otherCuts, halts }, allowsRsv1),
);

export function expectParsedAsReference(
  { stream, cuts, otherCuts, limits, strictLengths, halts }: Reading,
  allowsRsv1: boolean,
): void {
  const { role, wire } = stream;
  const options = { role, allowsRsv1, limits, strictLengths };
  const expected = referenceFrames(wire, options);
  expectEqual(parseChunks([copyOf(wire)], options), expected, 'whole');
  expectEqual(parseChunks(applyCuts(wire, cuts), options), expected, 'cut');

  const sink = new RecordingSink();
  const parser = new FrameParser(sink, options);
  let calls = 0;
  const plain = sink.framePart.bind(sink);
  sink.framePart = (...given) => {
    plain(...given);
    if (halts[calls++ % halts.length]) parser.isHalted = true;
  };
  // Ranges of one memory, this time.
  const chunk = new Chunk(copyOf(wire));
  let at = 0;
  for (const { length } of applyCuts(wire, otherCuts)) {
    const end = at + length;
    while (at < end) {
      at = parser.push(chunk, at, end);
      if (at < end && !parser.isHalted) throw new Error('bytes were left though the parser was not halted');
      parser.isHalted = false;
    }
  }
  expectEqual(sink.events, expected, 'halted');
}

/** In place of a codec: repeats a payload, and takes one that begins with an odd byte for corrupt. */
function inflateTwice(payload: Uint8Array): Uint8Array | undefined {
  return (payload[0] ?? 0) % 2 === 1 ? undefined : Uint8Array.of(...payload, ...payload);
}

const inflater: Inflater = {
  inflate(bytes, start, end, maxBytes, done) {
    const message = inflateTwice(bytes.subarray(start, end));
    const empty = new Uint8Array(0);
    if (message === undefined) done({ id: 'corrupt', error: new Error('odd') }, empty);
    else if (message.length > maxBytes) done({ id: 'tooLong' }, empty);
    else done(undefined, message);
  },
};

/** What the reference reads, as a `RecordingHandler` notes it down, and the violation's detail behind it. */
function referenceCalls(wire: Uint8Array, options: ReferenceOptions): string[] {
  const { events, violation } = readMessages(wire, options);
  const calls = events.map(({ type, payload }) => {
    if (type === 'close') return `closeReceived ${readCloseCode(payload)} ${toHex(payload.subarray(2))}`;
    return `${type}:${type === 'text' ? new TextDecoder().decode(payload) : toHex(payload)}`;
  });
  return violation === undefined ? calls : [...calls, `failed:${violation.id} ${violation.detail}`];
}

/** What a Connection hears, in the same words. */
function callsOf({ connection, handler }: End): string[] {
  return handler.calls.map((call, i) => {
    if (call.call === 'failed') return `failed:${call.id} ${call.detail}`;
    if (call.call !== 'closeReceived') return handler.log[i]!;
    return `closeReceived ${connection.closeCode} ${toHex(connection.closeReason)}`;
  });
}

function hear(role: Role, chunks: readonly Uint8Array[], options: EndOptions): string[] {
  const end = new End(role, options);
  for (const chunk of chunks) end.connection.receive(chunk);
  return callsOf(end);
}

/** In memory that is lent and used again after each call, and halted at some calls until later ones. */
function hearHalted(
  role: Role,
  chunks: readonly Uint8Array[],
  options: EndOptions,
  halts: readonly boolean[],
): string[] {
  const end = new End(role, options);
  const { connection, handler } = end;
  let calls = 0;
  const isNext = () => halts[calls++ % halts.length]!;
  handler.react = () => {
    if (isNext()) connection.halt();
  };
  for (const chunk of chunks) {
    const start = chunk.length % 7;
    const lent = new Uint8Array(start + chunk.length + 3);
    lent.set(chunk, start);
    connection.receive(new Chunk(lent, true), start, start + chunk.length);
    lent.fill(0xee);
    if (isNext()) connection.resume();
  }
  while (connection.isHolding) connection.resume();
  return callsOf(end);
}

const connectionEqualsReference = defineProperty(
  'connection-equals-reference',
  '§6.2 any bytes in any chunks, compressed or not: the messages, control frames and violation of the reference reader',
  fc.record({
    settings: anySettings,
    otherCuts: anyCuts,
    isCompressing: fc.boolean(),
    halts: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  }),
  ({ settings, otherCuts, isCompressing, halts }) =>
    expectHeardAsReference({ ...settings, otherCuts, halts }, isCompressing),
);

export function expectHeardAsReference(
  { stream, cuts, otherCuts, limits, strictLengths, halts }: Reading,
  isCompressing: boolean,
): void {
  const { role, wire } = stream;
  const inflate = isCompressing ? inflateTwice : undefined;
  const expected = referenceCalls(wire, { role, limits, strictLengths, inflate });
  const options = { limits: quiet(limits), strictLengths, ...(isCompressing && { inflater }) };
  expectEqual(hear(role, [copyOf(wire)], options), expected, 'whole');
  expectEqual(hear(role, applyCuts(wire, cuts), options), expected, 'cut');
  expectEqual(hearHalted(role, applyCuts(wire, otherCuts), options, halts), expected, 'halted');
}

/** The reference counts no control frames: that takes a clock. */
function quiet(limits: Limits): Limits {
  return { ...limits, maxControlFramesBetweenData: Number.POSITIVE_INFINITY };
}

const anyOptions: fc.Arbitrary<EndOptions> = fc.record({
  strictLengths: fc.boolean(),
  skipsUtf8Validation: fc.boolean(),
  autoPong: fc.boolean(),
  now: fc.constant(() => 0),
  limits: fc.constantFrom({}, { maxMessageBytes: 20 }, { maxFrameBytes: 10, maxControlFramesBetweenData: 2 }),
});

const garbageNeverThrows = defineProperty(
  'garbage-never-throws',
  '§7.1.7 any bytes at all: nothing is thrown, at most one violation, one Close frame, and silence after it',
  fc.record({
    stream: fc.oneof({ weight: 3, arbitrary: anyGarbage }, { weight: 1, arbitrary: anyStream }),
    cuts: anyCuts,
    options: anyOptions,
  }),
  ({ stream: { role, wire }, cuts, options }) => {
    const end = new End(role, options);
    for (const chunk of applyCuts(wire, cuts)) end.connection.receive(chunk);
    const { log } = end.handler;
    const ends = log.filter((call) => call === 'closeReceived' || call.startsWith('failed:'));
    if (ends.length > 1 || (ends.length === 1 && log.at(-1) !== ends[0]))
      throw new Error(`heard after the end: ${log}`);
    const closes = end.output.frames.filter(([firstByte]) => firstByte === 0x88);
    if (closes.length !== ends.length || (closes.length === 1 && end.output.frames.at(-1) !== closes[0])) {
      throw new Error(`written: ${end.output.log}`);
    }
    expectCloseCode(ends[0], closes[0]?.[1]);
    end.connection.receiveEnd();
    end.connection.transportClosed();
    expectEqual(end.connection.state, 'closed', 'state');
  },
);

/** A violation's code is the one in the table; an answer's is one that may be sent. */
function expectCloseCode(ended: string | undefined, body: string | undefined): void {
  if (ended === undefined || body === undefined || body === '') return;
  const code = Number.parseInt(body.slice(0, 5).replace(' ', ''), 16);
  if (ended === 'closeReceived') expectEqual(isSendableCloseCode(code), true, `close code ${code}`);
  else expectEqual(code, VIOLATIONS[ended.slice('failed:'.length) as ViolationId].closeCode, 'close code');
}

const controlFramesAnywhere = defineProperty(
  'control-frames-anywhere',
  '§5.4 control frames between fragments leave the messages as they are',
  fc.tuple(anyRole, anyKey, fc.array(anyMessage, { maxLength: 4 }), anyCuts, anyCuts),
  ([role, key, messages, cuts, plainCuts]) => {
    const frames = messages.flatMap(framesOfMessage);
    const hear = (isControlWanted: boolean, howCut: typeof cuts) => {
      const end = new End(role);
      const kept = frames.filter(({ opcode }) => isControlWanted || opcode < 8);
      const wire = writeStream({ role, key, frames: kept, fault: undefined });
      for (const chunk of applyCuts(wire, howCut)) end.connection.receive(chunk);
      return end;
    };
    const mixed = hear(true, cuts);
    const plain = hear(false, plainCuts);
    const messagesOf = (end: End) => end.handler.log.filter((call) => !/^p[io]ng:/.test(call));
    expectEqual(messagesOf(mixed), plain.handler.log, 'messages');
    expectEqual(plain.handler.calls.length, messages.length, 'number of messages');
    const pings = mixed.handler.log.filter((call) => call.startsWith('ping:'));
    expectEqual(
      mixed.output.log,
      pings.map((call) => `8a ${call.slice(5)}`.trimEnd()),
      'pongs',
    );
  },
);

export const STREAM_PROPERTIES: readonly FuzzProperty[] = [
  parserEqualsReference,
  connectionEqualsReference,
  garbageNeverThrows,
  controlFramesAnywhere,
];
