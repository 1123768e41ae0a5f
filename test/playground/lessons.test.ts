import { readFileSync } from 'node:fs';
import { constants, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { selectCases } from '../../src/conformance/index.ts';
import { acceptValue } from '../../src/handshake/index.ts';
import { Inflater } from '../../src/inspector/message-inflater.ts';
import { formatSpecs, parseSpecs } from '../../src/playground/build/frame-spec.ts';
import { collectDeclarations } from '../../src/playground/learn/declarations.ts';
import { LESSONS } from '../../src/playground/learn/lessons.ts';
import { type Role, readCloseCode, readMessages, VIOLATIONS } from '../../src/protocol/index.ts';
import { collectLessonCases } from '../support/lesson-cases.ts';
import { type FrameFields, frame, toHex } from '../support/wire.ts';

const source = (file: string) => readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');

describe('lessons', () => {
  it('are eight, from the upgrade to compression', () => {
    expect(LESSONS.map(({ id }) => id)).toEqual([
      'upgrade',
      'first-bytes',
      'masking',
      'length',
      'fragments',
      'text',
      'closing',
      'compression',
    ]);
  });

  /** Answers that a learner might give, and that are not right. */
  const WRONG: Readonly<Record<string, readonly string[]>> = {
    upgrade: [
      'GET / HTTP/1.1',
      'GET /chat HTTP/1.1\nHost: example.com\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\nSec-WebSocket-Version: 12',
      'no request at all',
    ],
    'first-bytes': [
      '81 05 48 69 21',
      '82 03 48 69 21',
      '01 03 48 69 21',
      '81 03 48 69 21 00',
      '81 83 00 00 00 00 48 69 21',
    ],
    masking: ['81 83 00 00 00 00 48 69 21', '81 83 01 02 03 04 48 69 21', '81 03 01 02 03 04 49 6b 22'],
    length: ['81 7f 00 00 00 00 00 00 01 2c', '81 7e 2c 01', '81 7e 01 2d', '82 7e 01 2c', '81 7e 00 05', '81 2c'],
    fragments: [
      '01 05 48 65 6c 6c 6f',
      '81 05 48 65 6c 6c 6f',
      '01 03 48 65 6c 80 02 6c 6f',
      '01 03 48 65 6c 09 01 3f 80 02 6c 6f',
    ],
    text: ['81 03 e2 82 ac', '01 03 e2 82 ac 80 00', '01 02 e2 82 80 01 28', '01 02 e2 82'],
    closing: ['88 00', '88 02 03 e8', '88 05 03 e9 62 79 65', '88 06 03 e8 62 79 65', '88 03 62 79 65'],
    compression: [
      'c1 07 f2 48 cd c9 c9 07 00',
      'c1 07 f2 48 cd c9 c9 07 00 81 05 48 65 6c 6c 6f',
      'c1 05 f2 00 11 00 00 c1 05 f2 00 11 00 00',
      '81 05 48 65 6c 6c 6f c1 05 f2 00 11 00 00',
    ],
  };

  describe.each(LESSONS.map((lesson) => [lesson.id, lesson] as const))('%s', (id, lesson) => {
    it('passes with the right answer', () => {
      expect(lesson.check(lesson.solution)).toMatchObject({ passes: true, advice: '' });
    });

    it('fails with what is there at first, with nothing, and with wrong answers', () => {
      for (const answer of [lesson.start, '', 'zz', ...WRONG[id]!]) {
        const verdict = lesson.check(answer);
        expect([answer, verdict.passes]).toEqual([answer, false]);
        expect(verdict.advice).not.toBe('');
      }
    });

    it('leads to lines of source, and to cases of the conformance suite', () => {
      const declarations = collectDeclarations(source);
      for (const { file, symbol } of lesson.sources) {
        const { first, lines } = declarations[`${file}#${symbol}`]!;
        expect(lines.length).toBeGreaterThan(1);
        expect(lines.at(-1)).toMatch(/^[\])}]/);
        expect(
          source(file)
            .split('\n')
            .slice(first - 1)
            .join('\n'),
        ).toContain(lines.join('\n'));
        expect(lines.some((line) => line.includes(` ${symbol}`))).toBe(true);
      }
      const ids = selectCases(lesson.cases).map((testCase) => testCase.id);
      for (const linked of collectLessonCases()[id]!) {
        expect(ids).toContain(linked.id);
        expect(formatSpecs(parseSpecs(linked.frames))).toBe(linked.frames);
      }
    });
  });
});

type Parsed = { kind: string; fault?: number; code?: number; text?: string; payload?: Uint8Array };
type Parse = (bytes: Uint8Array, isServer: boolean, inflate?: (bytes: Uint8Array) => Uint8Array) => Iterable<Parsed>;

describe('the parts of a parser, one behind the other', () => {
  const code = LESSONS.map((lesson) => lesson.code).join('\n\n');
  const { parse, acceptFor } = new Function(`${code}\nreturn { parse, acceptFor };`)() as {
    parse: Parse;
    acceptFor: (key: string) => Promise<string>;
  };
  const inflate = (bytes: Uint8Array) => {
    const { output, fault } = new Inflater().inflate(bytes);
    if (fault !== undefined) throw new Error(fault.message);
    return output;
  };

  /** What both say, in words. */
  const ours = (bytes: Uint8Array, role: Role) =>
    [...parse(bytes, role === 'server', inflate)].map(({ kind, fault, code: closeCode, text, payload }) =>
      [kind, fault ?? closeCode ?? text ?? toHex(payload!)].join(' '),
    );
  const reference = (bytes: Uint8Array, role: Role) => {
    const { events, violation } = readMessages(bytes, {
      role,
      inflate: (payload) => orUndefined(() => inflate(payload)),
    });
    const told = events.map(({ type, payload }) => {
      if (type === 'close') return `close ${readCloseCode(payload)}`;
      return `${type} ${type === 'text' ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(payload) : toHex(payload)}`;
    });
    return violation === undefined ? told : [...told, `failed ${VIOLATIONS[violation.id].closeCode}`];
  };

  it('§4.2.2 answers a key', async () => {
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    expect(await acceptFor(key)).toBe(acceptValue(key));
  });

  const anyPayload = fc.oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.constantFrom('Hello', '€', '\u{1f600}', '').map((text) => new TextEncoder().encode(text)),
    fc.constantFrom([0x03, 0xe8], [0x03, 0xed], [0x0b, 0xb8, 0x41], [0xff]).map((bytes) => Uint8Array.from(bytes)),
    fc.constant(new Uint8Array(200)),
    fc.constant(new Uint8Array(deflateRawSync('Hello', { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4))),
  );
  const anyFrame = fc.record({
    opcode: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(0, 1, 1, 2, 8, 9, 10) },
      { weight: 1, arbitrary: fc.nat(15) },
    ),
    fin: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    rsv: fc.oneof(
      { weight: 7, arbitrary: fc.constant(0) },
      { weight: 2, arbitrary: fc.constant(4) },
      { weight: 1, arbitrary: fc.nat(7) },
    ),
    payload: anyPayload,
  });

  it('§5.2 to §8.1 are a parser that says what the reference reader says', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 5 }), fc.constantFrom<Role>('server', 'client'), (frames, role) => {
        const key = role === 'server' ? [1, 2, 3, 4] : undefined;
        const bytes = Uint8Array.from(
          frames.flatMap((fields) => [...frame({ ...fields, ...(key && { key }) } as FrameFields)]),
        );
        const wanted = reference(bytes, role);
        const found = ours(bytes, role);
        // Text that goes wrong in a fragment is a fault at once for the reference, and here at the end of the message.
        if (wanted.at(-1) === 'failed 1007') expect(found.slice(0, wanted.length - 1)).toEqual(wanted.slice(0, -1));
        else expect(found).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });
});

function orUndefined(make: () => Uint8Array): Uint8Array | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
