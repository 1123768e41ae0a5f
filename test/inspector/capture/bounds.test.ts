/** What is kept while a capture is read has bounds, and so has what comes out of little. */

import { deflateRawSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { IpReader } from '../../../src/inspector/capture/ip.ts';
import { type End, TcpReader } from '../../../src/inspector/capture/tcp.ts';
import { HexSyntaxError, inspect, readInput } from '../../../src/inspector/index.ts';
import { encodeFrame } from '../../../src/protocol/index.ts';
import { type Ends, IPV4_ENDS, ipPacket, ipv4, TcpScript } from '../../support/captures.ts';

function follow() {
  const heard: string[] = [];
  const ip = new IpReader();
  const tcp = new TcpReader<number>({
    onOpen: () => heard.push('open'),
    onBytes: (_, from: End, bytes) => heard.push(`${from} ${bytes.length}`),
    onGap: (_, _from, byteCount) => heard.push(`gap ${byteCount}`),
    onEnd: () => heard.push('end'),
  });
  const take = (script: TcpScript, from: number, to?: number, ends: Ends = IPV4_ENDS) => {
    for (const segment of script.segments.slice(from, to)) tcp.read(ip.read(ipPacket(segment, ends))!, 0);
  };
  return { heard, take };
}

it('segments wait for a missing one only so long, and so many bytes', () => {
  const many = new TcpScript().open().send('client', 'x'.repeat(2003), 1);
  const { heard, take } = follow();
  take(many, 0, 3);
  take(many, 4, 2004);
  expect(heard).toEqual(['open']);
  take(many, 2004);
  expect(heard.slice(0, 3)).toEqual(['open', 'gap 1', '0 1']);

  const long = new TcpScript().open().send('client', 'x'.repeat(4_300_000), 60_000);
  const other = follow();
  other.take(long, 0, 3);
  other.take(long, 4, 73);
  expect(other.heard).toEqual(['open']);
  other.take(long, 73);
  expect(other.heard[1]).toBe('gap 60000');
});

it('connections are followed only so many at a time', () => {
  const script = new TcpScript().open();
  const { heard, take } = follow();
  const from = (i: number) => ({ ...IPV4_ENDS, client: { address: [10, 1, i >> 8, i & 255], port: 1 } });
  for (let i = 0; i < 5000; i++) take(script, 0, 1, from(i));
  expect(heard).not.toContain('end');
  take(script, 0, 1, from(5000));
  expect(heard.filter((line) => line === 'end')).toHaveLength(1);
});

it('fragments are kept of so many packets', () => {
  const ip = new IpReader();
  const piece = (id: number, fragmentAt: number) =>
    ip.read(ipv4(new Uint8Array(8), [1, 1, 1, 1], [2, 2, 2, 2], { id, fragmentAt, hasMore: fragmentAt === 0 }));
  for (let id = 0; id < 256; id++) piece(id, 0);
  expect(piece(0, 8)?.payload).toHaveLength(16);
  for (let id = 256; id < 513; id++) piece(id, 0);
  expect(piece(256, 8)).toBeUndefined();
  expect(piece(512, 8)?.payload).toHaveLength(16);
});

it('a line of a dump is repeated only so often', () => {
  const repeated = (end: string) =>
    readInput(`00000000  81 05 |..|\n*\n${end}\n`).conversations[0]!.passages[0]!.bytes.length;
  expect(repeated('00010000')).toBe(65_536);
  expect(() => repeated('ffff0000')).toThrow(HexSyntaxError);
});

it('RFC 7692 §7.2.2 of a compressed message so much comes out', () => {
  const zeros = (length: number) => {
    const payload = deflateRawSync(new Uint8Array(length));
    const [message] = inspect(encodeFrame(0xc2, payload), { allowsRsv1: true, maxPayloadBytes: 1 }).messages;
    return message!;
  };
  expect(zeros(1024 * 1024).inflated?.length).toBe(1024 * 1024);
  expect(zeros(32 * 1024 * 1024 + 1)).toMatchObject({
    isComplete: true,
    fault: 'it cannot be inflated: more comes out than is kept',
  });
});
