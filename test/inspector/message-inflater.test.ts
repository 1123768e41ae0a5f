/** The inflater of reports, against zlib. */

import { randomBytes } from 'node:crypto';
import { constants, createDeflateRaw, type DeflateRaw } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Inflater } from '../../src/inspector/message-inflater.ts';

/** As a sender of permessage-deflate does (RFC 7692 §7.2.1). */
async function compress(deflate: DeflateRaw, message: Uint8Array): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  const take = (part: Buffer) => parts.push(part);
  deflate.on('data', take);
  deflate.write(message);
  await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
  deflate.off('data', take);
  return new Uint8Array(Buffer.concat(parts)).slice(0, -4);
}

const messages = Array.from({ length: 60 }, (_, i) =>
  i % 7 === 6
    ? randomBytes(i * 97)
    : Buffer.from(JSON.stringify({ i, text: 'to be or not '.repeat(i * i), random: i * 7919 })),
);

describe('RFC 7692 §7.2.2 messages come out as they went in', () => {
  for (const [title, options] of [
    ['by default', {}],
    ['with a small window', { windowBits: 9 }],
    ['with fixed codes', { strategy: constants.Z_FIXED }],
    ['stored', { level: 0 }],
  ] as const) {
    it(title, async () => {
      const deflate = createDeflateRaw(options);
      const inflater = new Inflater();
      for (const message of messages) {
        const { output, fault } = inflater.inflate(await compress(deflate, message));
        expect(fault).toBeUndefined();
        expect(Buffer.compare(Buffer.from(output), message)).toBe(0);
      }
      expect(inflater.window.length).toBe(32_768);
      deflate.close();
    });
  }
});

it('RFC 7692 §7.1.1 what refers to a message that was lost is told from what is corrupt', async () => {
  const deflate = createDeflateRaw();
  const [first, second] = [
    await compress(deflate, Buffer.from('Hello')),
    await compress(deflate, Buffer.from('Hello')),
  ];
  deflate.close();
  expect(new Inflater().inflate(second!).fault?.id).toBe('corrupt');
  const inflater = new Inflater();
  inflater.inflate(first!);
  inflater.loseContext();
  expect(inflater.inflate(second!).fault).toMatchObject({ id: 'context' });
  expect(inflater.inflate(first!).output).toEqual(new Uint8Array(Buffer.from('Hello')));
});

it('stops where too much comes out', async () => {
  const deflate = createDeflateRaw();
  const compressed = await compress(deflate, Buffer.from('abcabcabcabc'));
  deflate.close();
  expect(new Inflater().inflate(compressed, 12).output.length).toBe(12);
  expect(new Inflater().inflate(compressed, 11).fault?.id).toBe('tooLong');
});

it('whatever the bytes are, it ends', () => {
  for (let i = 0; i < 2000; i++) {
    const { output } = new Inflater().inflate(randomBytes(1 + (i % 40)), 10_000);
    expect(output.length).toBeLessThanOrEqual(10_000);
  }
});
