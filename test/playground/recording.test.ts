import { describe, expect, it } from 'vitest';
import { parseHex } from '../../src/inspector/index.ts';
import { FRAMES_PER_BLOCK, Recording } from '../../src/playground/recording.ts';

const HELLO_UP = '81 85 37fa213d 7f9f4d5158';
const HELLO_DOWN = '81 05 48656c6c6f';

function started(extensions = ''): Recording {
  const recording = new Recording(1, new Date(0));
  const utf8 = new TextEncoder();
  const request =
    'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n';
  recording.append('clientToServer', 0, utf8.encode(request));
  recording.append('serverToClient', 1, utf8.encode(`HTTP/1.1 101 Switching Protocols\r\n${extensions}\r\n`));
  return recording;
}

function entriesOf(recording: Recording) {
  return recording.view().blocks.flatMap((block) => block.entries);
}

describe('a recording', () => {
  it('shows the heads of the handshake as soon as they are there', () => {
    const { request, response, blocks } = started().view();
    expect([request?.startLine, response?.startLine]).toEqual(['GET / HTTP/1.1', 'HTTP/1.1 101 Switching Protocols']);
    expect(blocks).toEqual([]);
  });

  it('§5.2 has the frames of both directions in the order in which they were complete', () => {
    const recording = started();
    recording.append('clientToServer', 2, parseHex(HELLO_UP).subarray(0, 7));
    recording.append('serverToClient', 3, parseHex('89 00'));
    recording.append('clientToServer', 4, parseHex(HELLO_UP).subarray(7));
    recording.append('serverToClient', 5, parseHex(`${HELLO_DOWN} ${HELLO_DOWN}`));
    expect(entriesOf(recording).map(({ direction, atMs, frame }) => [direction, atMs, frame.summary])).toEqual([
      ['serverToClient', 3, 'ping, 0 bytes'],
      ['clientToServer', 4, 'text, 5 bytes, masked'],
      ['serverToClient', 5, 'text, 5 bytes'],
      ['serverToClient', 5, 'text, 5 bytes'],
    ]);
    expect(new Set(entriesOf(recording).map(({ id }) => id)).size).toBe(4);
    expect(recording.view().frameCount).toBe(4);
  });

  it('leaves what it showed as it was: a frame is looked at once, and only the last block is another', () => {
    const recording = started();
    const count = 2 * FRAMES_PER_BLOCK + 1;
    for (let i = 0; i < count; i++) recording.append('serverToClient', i, parseHex(HELLO_DOWN));
    const before = recording.view();
    recording.append('serverToClient', count, parseHex(HELLO_DOWN));
    const after = recording.view();
    expect(after.blocks.map((block, i) => block === before.blocks[i])).toEqual([true, true, false]);
    expect(after.blocks[2]!.entries[0]).toBe(before.blocks[2]!.entries[0]);
    expect([after.request === before.request, before.blocks[2]!.entries.length]).toEqual([true, 1]);
    expect(after.blocks.map(({ entries }) => entries.length)).toEqual([FRAMES_PER_BLOCK, FRAMES_PER_BLOCK, 2]);
  });

  it('§5.2 never calls a frame cut while more of it may come, and keeps the beginning of a long one', () => {
    const recording = started();
    const frame = parseHex(`82 7f 00000000 00080000 ${'ab'.repeat(512 * 1024)}`);
    recording.append('serverToClient', 2, frame.subarray(0, 300_000));
    expect(entriesOf(recording)).toEqual([]);
    recording.append('serverToClient', 3, frame.subarray(300_000));
    const [entry] = entriesOf(recording);
    expect(entry!.frame).toMatchObject({ state: 'whole', payload: { presentLength: 512 * 1024 } });
    expect(parseHex(entry!.frame.payload.unmaskedHex).length).toBe(256);
  });

  it('§5.2 has the frame that was cut when the connection ended', () => {
    const recording = started();
    recording.append('serverToClient', 2, parseHex('82 05 0102'));
    recording.end();
    recording.append('serverToClient', 3, parseHex('030405'));
    expect(entriesOf(recording).map(({ frame }) => frame.state)).toEqual(['cut']);
    expect(recording.view().hasEnded).toBe(true);
  });

  it('RFC 7692 §5.1 reads the client with the extension that it offered if the server agreed', () => {
    const compressed = parseHex('c1 87 00000000 f248cdc9c90700');
    const agreed = started('Sec-WebSocket-Extensions: permessage-deflate\r\n');
    const declined = started();
    for (const recording of [agreed, declined]) recording.append('clientToServer', 2, compressed);
    expect(entriesOf(agreed).map(({ violation }) => violation?.id)).toEqual([undefined]);
    expect(entriesOf(declined).map(({ violation }) => violation?.id)).toEqual(['unexpectedRsv1']);
  });

  it('§5.1 names a violation at its frame', () => {
    const recording = started();
    recording.append('clientToServer', 2, parseHex(`${HELLO_UP} ${HELLO_DOWN}`));
    expect(entriesOf(recording).map(({ violation }) => violation?.id)).toEqual([undefined, 'expectedMask']);
  });

  it('forgets its oldest frames when told to, and counts them', () => {
    const recording = started();
    for (let i = 0; i < FRAMES_PER_BLOCK + 3; i++) recording.append('serverToClient', i, parseHex(HELLO_DOWN));
    recording.dropOldest();
    const { blocks, dropped, frameCount } = recording.view();
    expect([blocks.length, dropped, frameCount]).toEqual([
      1,
      { frames: FRAMES_PER_BLOCK, bytes: 7 * FRAMES_PER_BLOCK },
      FRAMES_PER_BLOCK + 3,
    ]);
    expect(recording.shownCount).toBe(3);
  });

  it('§5.4 starts anew when cleared, in the middle of a message and of a frame', () => {
    const recording = started();
    recording.append('serverToClient', 2, parseHex('01 01 61 80 02 62'));
    recording.clear();
    expect(recording.view()).toMatchObject({ blocks: [], frameCount: 0 });
    recording.append('serverToClient', 3, parseHex('63'));
    expect(entriesOf(recording).map(({ frame }) => [frame.summary, frame.message?.part])).toEqual([
      ['continuation, 2 bytes', 2],
    ]);
  });
});
