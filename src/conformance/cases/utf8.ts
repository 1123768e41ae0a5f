/**
 * Group 6: text is UTF-8 (§5.6, §8.1): valid text comes back however it is cut, invalid text fails the connection with
 * 1007, and at the first bad byte (6.4). Subgroups 6.5 to 6.23 are one message each per row of a table.
 */

import { Opcode } from '../../protocol/index.ts';
import {
  answered,
  type ConformanceCase,
  closeAfter,
  failAfter,
  frame,
  messageEvent,
  rejected,
  type Step,
  TESTEE_REJECTS_TEXT,
} from '../case.ts';
import { bytes, joined, NOTHING, type Payload, text } from '../payload.ts';

/** With U+1F79, which normalization would turn into a shorter character. */
export const GREEK = text('κ\u1f79σμε');
const LATIN = text('Hello-µ@ßöäüàá-UTF-8!!');
const EDITED = text('edited');
/** The first surrogate, as if it were a character. */
const SURROGATE = bytes('eda080');
/** What would be U+110000, one past the last code point. */
const BEYOND_LAST = bytes('f4908080');

function message(payload: Payload, fragmentBytes?: number): Step {
  return { do: 'message', isBinary: false, payload, ...(fragmentBytes !== undefined && { fragmentBytes }) };
}

function echoed(id: string, summary: string, steps: readonly Step[], payload: Payload): ConformanceCase {
  return answered(id, summary, [...steps, closeAfter(1000)], [messageEvent(false, payload)]);
}

const open = (payload: Payload): Step => frame(Opcode.Text, payload, { fin: false });
const middle = (payload: Payload): Step => frame(Opcode.Continuation, payload, { fin: false });
const last = (payload: Payload): Step => frame(Opcode.Continuation, payload);

const MIDDLE_PAYLOAD = text('middle frame payload');

const VALID: readonly ConformanceCase[] = [
  echoed('6.1.1', 'empty text', [frame(Opcode.Text, NOTHING)], NOTHING),
  echoed('6.1.2', 'empty text in three fragments', [open(NOTHING), middle(NOTHING), last(NOTHING)], NOTHING),
  echoed(
    '6.1.3',
    'text between two empty fragments',
    [open(NOTHING), middle(MIDDLE_PAYLOAD), last(NOTHING)],
    MIDDLE_PAYLOAD,
  ),
  echoed('6.2.1', 'valid text in one frame', [message(LATIN)], LATIN),
  echoed(
    '6.2.2',
    'valid text cut between two code points',
    [open(text('Hello-µ@ßöä')), last(text('üàá-UTF-8!!'))],
    LATIN,
  ),
  echoed('6.2.3', 'valid text, a byte per fragment', [message(LATIN, 1)], LATIN),
  echoed('6.2.4', 'valid Greek text, a byte per fragment', [message(GREEK, 1)], GREEK),
];

const INVALID_TEXT = joined(GREEK, SURROGATE, EDITED);

const INVALID: readonly ConformanceCase[] = [undefined, 1].map((fragmentBytes, i) =>
  rejected(
    `6.3.${i + 1}`,
    `invalid text ${fragmentBytes === undefined ? 'in one frame' : 'a byte per fragment'}`,
    [message(INVALID_TEXT, fragmentBytes), failAfter(1000)],
    [],
    undefined,
    TESTEE_REJECTS_TEXT,
  ),
);

/** Where the invalid text is cut: behind the good characters, or inside the bad one. */
const CUTS: readonly (readonly [Payload, Payload, Payload])[] = [
  [GREEK, BEYOND_LAST, EDITED],
  [joined(GREEK, bytes('f4')), bytes('90'), joined(bytes('8080'), EDITED)],
];

function failFast(id: string, summary: string, [first, bad, rest]: readonly [Step[], Step, Step[]]): ConformanceCase {
  const waitedA = { event: 'waited', tag: 'A' } as const;
  const waitedB = { event: 'waited', tag: 'B' } as const;
  return rejected(
    id,
    summary,
    [
      ...first,
      { do: 'pause', delayMs: 1000, tag: waitedA.tag },
      bad,
      { do: 'pause', delayMs: 1000, tag: waitedB.tag },
      ...rest,
      failAfter(1000),
    ],
    [waitedA],
    [waitedA, waitedB],
    TESTEE_REJECTS_TEXT,
  );
}

/** After the second part the text cannot become valid any more, and the third is only sent to those who wait for it. */
const FAIL_FAST: readonly ConformanceCase[] = [
  ...CUTS.map(([first, bad, rest], i) =>
    failFast(
      `6.4.${i + 1}`,
      `invalid text in three fragments, cut ${i === 0 ? 'before' : 'inside'} the bad character`,
      [[open(first)], middle(bad), [last(rest)]],
    ),
  ),
  ...CUTS.map(([first, bad, rest], i) =>
    failFast(`6.4.${i + 3}`, `invalid text in one frame, written in three pieces, cut as in 6.4.${i + 1}`, [
      [
        {
          do: 'frameHeader',
          opcode: Opcode.Text,
          payloadLength: first.lengthBytes + bad.lengthBytes + rest.lengthBytes,
        },
        { do: 'framePart', payload: first },
      ],
      { do: 'framePart', payload: bad },
      [{ do: 'framePart', payload: rest }, last(NOTHING)],
    ]),
  ),
];

interface Sequences {
  readonly subgroup: string;
  readonly about: string;
  /** Whether a server has to take them; a sequence with `!` before it is the opposite of the others. */
  readonly isValid: boolean;
  /** Hexadecimal, separated by spaces. */
  readonly sequences: string;
}

/** Lead bytes from `first` to `end`, each followed by a space. */
function leadsWithSpaces(first: number, end: number): string {
  return Array.from({ length: end - first + 1 }, (_, i) => `${(first + i).toString(16)}20`).join('');
}

/** 80 to be: all continuation bytes but the last. */
const CONTINUATION_BYTES = Array.from({ length: 63 }, (_, i) => (0x80 + i).toString(16)).join('');

/** The last two code points of a plane are not for interchange; UTF-8 they are (plane 0, then 1 to 16). */
const NONCHARACTERS = Array.from({ length: 17 }, (_, plane) =>
  [0xfffe, 0xffff].map((low) => hexOf(String.fromCodePoint(plane * 0x1_0000 + low))).join(' '),
).join(' ');

function hexOf(characters: string): string {
  return Buffer.from(characters).toString('hex');
}

const TRUNCATED = 'c0 e080 f08080 f8808080 fc80808080 df efbf f7bfbf fbbfbfbf fdbfbfbfbf';

const SEQUENCES: readonly Sequences[] = [
  {
    subgroup: '6.5',
    about: 'code points of one to four bytes',
    isValid: true,
    sequences: ['hello$world', 'hello¢world', 'hello€world', 'hello𤭢world', 'κ\u1f79σμε'].map(hexOf).join(' '),
  },
  {
    subgroup: '6.6',
    about: 'a word cut after each byte',
    isValid: true,
    sequences:
      '!ce ceba !cebae1 !cebae1bd cebae1bdb9 !cebae1bdb9cf cebae1bdb9cf83 !cebae1bdb9cf83ce cebae1bdb9cf83cebc ' +
      '!cebae1bdb9cf83cebcce cebae1bdb9cf83cebcceb5',
  },
  { subgroup: '6.7', about: 'first code point of a length', isValid: true, sequences: '00 c280 e0a080 f0908080' },
  { subgroup: '6.8', about: 'five and six bytes', isValid: false, sequences: 'f888808080 fc8480808080' },
  { subgroup: '6.9', about: 'last code point of a length', isValid: true, sequences: '7f dfbf efbfbf f48fbfbf' },
  {
    subgroup: '6.10',
    about: 'past the last code point',
    isValid: false,
    sequences: 'f7bfbfbf fbbfbfbfbf fdbfbfbfbfbf',
  },
  {
    subgroup: '6.11',
    about: 'around the surrogates and the end',
    isValid: true,
    sequences: 'ed9fbf ee8080 efbfbd f48fbfbf !f4908080',
  },
  {
    subgroup: '6.12',
    about: 'continuation bytes without a lead',
    isValid: false,
    sequences: `80 bf 80bf 80bf80 80bf80bf 80bf80bf80 80bf80bf80bf ${CONTINUATION_BYTES}`,
  },
  {
    subgroup: '6.13',
    about: 'lead bytes before spaces',
    isValid: false,
    sequences: [
      [0xc0, 0xde],
      [0xe0, 0xee],
      [0xf0, 0xf6],
      [0xf8, 0xfa],
      [0xfc, 0xfc],
    ]
      .map(([first, end]) => leadsWithSpaces(first!, end!))
      .join(' '),
  },
  { subgroup: '6.14', about: 'the last byte missing', isValid: false, sequences: TRUNCATED },
  { subgroup: '6.15', about: 'all of 6.14 at once', isValid: false, sequences: TRUNCATED.replaceAll(' ', '') },
  { subgroup: '6.16', about: 'bytes that UTF-8 never has', isValid: false, sequences: 'fe ff fefeffff' },
  {
    subgroup: '6.17',
    about: 'a slash in more bytes than it needs',
    isValid: false,
    sequences: 'c0af e080af f08080af f8808080af fc80808080af',
  },
  {
    subgroup: '6.18',
    about: 'the highest code points in more bytes than they need',
    isValid: false,
    sequences: 'c1bf e09fbf f08fbfbf f887bfbfbf fc83bfbfbfbf',
  },
  {
    subgroup: '6.19',
    about: 'NUL in more bytes than it needs',
    isValid: false,
    sequences: 'c080 e08080 f0808080 f880808080 fc8080808080',
  },
  {
    subgroup: '6.20',
    about: 'a single surrogate',
    isValid: false,
    sequences: 'eda080 edadbf edae80 edafbf edb080 edbe80 edbfbf',
  },
  {
    subgroup: '6.21',
    about: 'a pair of surrogates',
    isValid: false,
    sequences: ['eda080', 'edadbf', 'edae80', 'edafbf']
      .flatMap((high) => ['edb080', 'edbfbf'].map((low) => high + low))
      .join(' '),
  },
  { subgroup: '6.22', about: 'noncharacters', isValid: true, sequences: NONCHARACTERS },
  {
    subgroup: '6.23',
    about: 'around the replacement character',
    isValid: true,
    sequences: 'efbfb9 efbfba efbfbb efbfbc efbfbd efbfbe efbfbf',
  },
];

/** A shorter deadline than elsewhere. */
const DEADLINE_MS = 500;

function sequenceCases({ subgroup, about, isValid, sequences }: Sequences): ConformanceCase[] {
  return sequences.split(' ').map((sequence, i) => {
    const isOpposite = sequence.startsWith('!');
    const payload = bytes(isOpposite ? sequence.slice(1) : sequence);
    const id = `${subgroup}.${i + 1}`;
    const steps = [message(payload), failAfter(DEADLINE_MS)];
    if (isValid !== isOpposite) return answered(id, `valid: ${about}`, steps, [messageEvent(false, payload)]);
    return rejected(id, `invalid: ${about}`, steps, [], undefined, TESTEE_REJECTS_TEXT);
  });
}

export const UTF8_CASES: readonly ConformanceCase[] = [
  ...VALID,
  ...INVALID,
  ...FAIL_FAST,
  ...SEQUENCES.flatMap(sequenceCases),
];
