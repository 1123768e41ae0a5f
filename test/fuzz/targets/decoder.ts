/**
 * The decoder: whatever somebody drops on it is read or refused with a reason, and what was read is inspected, all at once or
 * in pieces, and shown.
 */

import { type CaptureHandler, CaptureReader, Http2Reader } from '../../../src/inspector/capture/index.ts';
import {
  bytesOfOneDirection,
  type Conversation,
  formatHex,
  HexSyntaxError,
  InputError,
  inspect,
  inspectConversation,
  parseHex,
  readInput,
  renderConversation,
  renderText,
  StreamInspector,
} from '../../../src/inspector/index.ts';
import { applyCuts } from '../../support/arbitraries.ts';
import { IPV6_ENDS, ipPacket, LINKS, pcap, pcapng, TcpScript } from '../../support/captures.ts';
import { clientFrame, upgradeRequest } from '../../support/raw-peer.ts';
import { concat, toHex } from '../../support/wire.ts';
import type { FuzzTarget } from '../target.ts';
import { bytesTarget, cutsOf, expectSame, fromLatin1, showText } from './support.ts';

const ROLES = ['auto', 'server', 'client'] as const;

function optionsOf(how: number) {
  return {
    role: ROLES[how % 3]!,
    strictLengths: (how & 4) !== 0,
    ...((how & 8) !== 0 && { allowsRsv1: (how & 16) !== 0 }),
    ...((how & 32) !== 0 && { maxPayloadBytes: 5 }),
  };
}

function expectInspected(bytes: Uint8Array, how: number): void {
  const options = optionsOf(how);
  const view = inspect(bytes, options);
  renderText(view);
  const inspector = new StreamInspector(options);
  const frames = applyCuts(bytes, cutsOf(how)).flatMap((chunk) => [...inspector.push(chunk)]);
  frames.push(...inspector.finish());
  expectSame(inspector.violation, view.violation, 'violation in pieces');
  // Of a frame that is a violation there is what had come by then.
  const count = view.frames.length - (view.violation === undefined ? 0 : 1);
  expectSame(frames.length, view.frames.length, 'number of frames in pieces');
  expectSame(frames.slice(0, count), view.frames.slice(0, count), 'frames in pieces');
}

const FRAMES = concat(clientFrame(1, 'Hello'), clientFrame(9, 'p'), clientFrame(8, [3, 232]));
const HEX = toHex(FRAMES);
const DUMPS = [
  HEX,
  `0x${HEX.replaceAll(' ', ', 0x')}`,
  `00000000  ${HEX.slice(0, 47)}  |.........Hello..|\n00000010  ${HEX.slice(48)}\n*\n00000040\n`,
  `00000000: ${HEX.slice(0, 4).replace(' ', '')} ${HEX.slice(6, 11).replace(' ', '')}  ....\n`,
  `0000000 ${HEX.slice(0, 47)}\n0000020\n`,
  `<Buffer ${HEX.slice(0, 29)} ... 20 more bytes>`,
  '{"log": {"entries": []}}',
  upgradeRequest(),
];
const SCRIPT = new TcpScript()
  .open()
  .send('client', upgradeRequest())
  .send('server', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n')
  .send('client', FRAMES, 5)
  .close();
const PACKETS = SCRIPT.segments.map((segment) => ipPacket(segment));
const CAPTURES = [
  pcap(PACKETS),
  pcapng(PACKETS.map(LINKS.VLAN!.wrap), { linkType: 1, isLittle: false }),
  pcapng(
    SCRIPT.segments.map((segment) => ipPacket(segment, IPV6_ENDS)),
    { isNano: true },
  ),
];
const SEEDS = [
  Uint8Array.of(0, ...FRAMES),
  Uint8Array.of(9, ...fromLatin1(upgradeRequest({ 'Sec-WebSocket-Extensions': 'permessage-deflate' })), ...FRAMES),
  ...DUMPS.map((text, i) => Uint8Array.of(i, ...fromLatin1(text))),
];
const show = (input: Uint8Array) => `${JSON.stringify(optionsOf(input[0] ?? 0))} ${showText(input.subarray(1))}`;

/** All that is told of a capture. */
function findIn(pieces: readonly Uint8Array[]): string[] {
  const found: string[] = [];
  const handler: CaptureHandler = {
    onWebSocket: ({ number, name }) => found.push(`${number} ${name}`),
    onFrames: ({ number }, entries) => {
      for (const { direction, atMs, frame } of entries) found.push(`${number} ${direction} ${atMs} ${frame.summary}`);
    },
    onNote: ({ number }, text) => found.push(`${number} ${text}`),
    onEnd: ({ number }) => found.push(`${number} ends`),
    onUnread: (name, reason) => found.push(`${name}: ${reason}`),
  };
  const reader = new CaptureReader(handler, { readsOn: true, http2: Http2Reader });
  for (const piece of pieces) reader.push(piece);
  reader.finish();
  return [...found, reader.fault ?? 'no fault'];
}

export const DECODER_TARGETS: readonly FuzzTarget[] = [
  bytesTarget({
    name: 'decoder-input',
    title: '§5 any file is read, or refused with a reason; what is read is inspected the same in pieces',
    seeds: SEEDS,
    show,
    run([how = 0, ...rest]) {
      const content = Uint8Array.from(rest);
      let conversations: readonly Conversation[];
      try {
        ({ conversations } = readInput(content));
      } catch (error) {
        if (error instanceof InputError || error instanceof HexSyntaxError) return;
        throw error;
      }
      for (const conversation of conversations) {
        const bytes = bytesOfOneDirection(conversation);
        if (bytes !== undefined) expectInspected(bytes, how);
        else renderConversation(inspectConversation(conversation.passages, { readsOn: true }), conversation);
      }
    },
  }),
  bytesTarget({
    name: 'decoder-capture',
    title: '§5 any bytes of a capture are read, and in pieces the same is found in them',
    seeds: CAPTURES,
    show: showText,
    run(file) {
      expectSame(findIn(applyCuts(file, cutsOf(file.length % 256))), findIn([file.slice()]), 'in pieces');
    },
  }),
  bytesTarget({
    name: 'decoder-bytes',
    title: '§5 any bytes are inspected the same in pieces, and what is printed as hex is read again',
    seeds: SEEDS.slice(0, 2),
    show,
    run([how = 0, ...rest]) {
      const bytes = Uint8Array.from(rest);
      expectInspected(bytes, how);
      expectSame(toHex(parseHex(formatHex(bytes))), toHex(bytes), 'hex, written and read');
    },
  }),
];
