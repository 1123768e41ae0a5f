/** The case tables: complete, in order, and in spots what they are known to be. */

import { describe, expect, it } from 'vitest';
import { compareIds, subgroupOf } from '../../src/conformance/case.ts';
import { offerOf } from '../../src/conformance/deflate-terms.ts';
import { CASES, type ConformanceCase, selectCases } from '../../src/conformance/index.ts';
import { bytes, isPayload, payloadBytes, repeated, text } from '../../src/conformance/payload.ts';
import { formatExtensions } from '../../src/handshake/index.ts';
import { isValidUtf8 } from '../../src/protocol/index.ts';

const CASES_PER_SUBGROUP: Readonly<Record<string, number>> = {
  '1.1': 8,
  '1.2': 8,
  '2': 11,
  '3': 7,
  '4.1': 5,
  '4.2': 5,
  '5': 20,
  '6.1': 3,
  '6.2': 4,
  '6.3': 2,
  '6.4': 4,
  '6.5': 5,
  '6.6': 11,
  '6.7': 4,
  '6.8': 2,
  '6.9': 4,
  '6.10': 3,
  '6.11': 5,
  '6.12': 8,
  '6.13': 5,
  '6.14': 10,
  '6.15': 1,
  '6.16': 3,
  '6.17': 5,
  '6.18': 5,
  '6.19': 5,
  '6.20': 7,
  '6.21': 8,
  '6.22': 34,
  '6.23': 7,
  '7.1': 6,
  '7.3': 6,
  '7.5': 1,
  '7.7': 13,
  '7.9': 9,
  '7.13': 2,
  '9.1': 6,
  '9.2': 6,
  '9.3': 9,
  '9.4': 9,
  '9.5': 6,
  '9.6': 6,
  '9.7': 6,
  '9.8': 6,
  '10.1': 1,
  '12.1': 18,
  '12.2': 18,
  '12.3': 18,
  '12.4': 18,
  '12.5': 18,
  '13.1': 18,
  '13.2': 18,
  '13.3': 18,
  '13.4': 18,
  '13.5': 18,
  '13.6': 18,
  '13.7': 18,
};

function caseOf(id: string): ConformanceCase {
  return selectCases(id)[0]!;
}

describe('case tables', () => {
  it('hold 517 cases, so many in each subgroup', () => {
    const counts: Record<string, number> = {};
    for (const { id } of CASES) counts[subgroupOf(id)] = (counts[subgroupOf(id)] ?? 0) + 1;
    expect(counts).toEqual(CASES_PER_SUBGROUP);
    expect(CASES).toHaveLength(517);
  });

  it('number the cases of a subgroup from 1 on, in numeric order throughout', () => {
    const ids = CASES.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort(compareIds));
    for (const [subgroup, count] of Object.entries(CASES_PER_SUBGROUP)) {
      expect(ids.filter((id) => subgroupOf(id) === subgroup).at(-1)).toBe(`${subgroup}.${count}`);
    }
  });

  it('give each case one deadline, and special rules to those that have them', () => {
    for (const { id, steps } of CASES) {
      const deadlines = steps.filter((step) => step.do === 'failAfter' || step.do === 'closeAfter');
      expect([id, deadlines.length]).toEqual([id, 1]);
    }
    expect(CASES.filter(({ isInformational }) => isInformational).map(({ id }) => id)).toEqual([
      '7.1.6',
      '7.13.1',
      '7.13.2',
    ]);
    expect(CASES.filter(({ sentFrames }) => sentFrames).map(({ id }) => id)).toEqual(['10.1.1']);
    expect(CASES.filter(({ closeCodeDecidesBehavior }) => closeCodeDecidesBehavior)).toHaveLength(34);
    expect(CASES.filter(({ close }) => close.decidesBehavior)).toHaveLength(75);
  });

  it('§8.1 say of each sequence of 6.5 to 6.23 rightly whether it is UTF-8', () => {
    const sequences = CASES.filter(({ id }) => Number(id.split('.')[1]) >= 5 && id.startsWith('6.'));
    for (const { id, steps, close } of sequences) {
      const [step] = steps;
      const payload = step?.do === 'message' ? payloadBytes(step.payload) : undefined;
      expect([id, payload && isValidUtf8(payload)]).toEqual([id, close.by === 'fuzzer']);
    }
    expect(sequences).toHaveLength(132);
  });

  it.each([
    ['6.12.8', 63, '80', 'be'],
    ['6.13.1', 62, 'c0', '20'],
    ['6.15.1', 30, 'c0', 'bf'],
    ['6.22.1', 3, 'ef', 'be'],
    ['6.22.34', 4, 'f4', 'bf'],
  ])('%s sends %i bytes from %s to %s', (id, lengthBytes, first, last) => {
    const [step] = caseOf(id).steps;
    const sent = step?.do === 'message' ? payloadBytes(step.payload) : new Uint8Array(0);
    expect(sent).toHaveLength(lengthBytes);
    expect([sent[0]?.toString(16), sent.at(-1)?.toString(16)]).toEqual([first, last]);
  });

  it('3.4 sends a message, a frame with RSV1 and a ping, a byte at a time', () => {
    const { steps, close, expectation } = caseOf('3.4');
    expect(steps.map((step) => (step.do === 'frame' ? [step.opcode, step.rsv, step.chopBytes] : step))).toEqual([
      [1, 0, 1],
      [1, 4, 1],
      [9, 0, 1],
      { do: 'failAfter', delayMs: 1000 },
    ]);
    expect([close.by, close.codes, close.mustBeClean]).toEqual(['testee', [1002], false]);
    expect(expectation).toMatchObject({ strict: [{ event: 'message', isBinary: false }], lenient: [] });
  });

  it.each([
    ['7.3.2', '61', [1002], false],
    ['7.3.4', '03e848656c6c6f20576f726c6421', [1000], true],
    ['7.5.1', '03e8cebae1bdb9cf83cebcceb5eda080656469746564', [1002, 1007], false],
    ['7.7.2', '03e9', [1000, 1001], true],
    ['7.9.1', '0000', [1002], false],
    ['7.13.2', 'ffff', [1000, 1002, 65_535], false],
  ])('§5.5.1 %s closes with %s', (id, hex, codes, mustBeClean) => {
    const { steps, close } = caseOf(id);
    const body = steps.flatMap((step) => (step.do === 'close' ? [step.body] : []))[0]!;
    expect(Buffer.from(payloadBytes(body)).toString('hex')).toBe(hex);
    expect(close).toMatchObject({ by: 'fuzzer', codes, mustBeClean });
  });

  it.each([
    ['9.1.6', 16_777_216, 100_000],
    ['9.2.4', 4_194_304, 10_000],
    ['9.3.1', 4_194_304, 100_000],
    ['9.6.1', 1_048_576, 1_000_000],
    ['9.7.4', 256, 120_000],
  ])('%s is about messages of %i bytes and has %i ms', (id, lengthBytes, delayMs) => {
    const { expectation, steps } = caseOf(id);
    expect(expectation).toMatchObject({ lengthBytes });
    expect(steps).toContainEqual({ do: 'closeAfter', delayMs });
  });
});

describe('compression cases', () => {
  const WITHOUT_FRAGMENTS = undefined;

  it.each([
    ['12.1.1', '12.1', 16, WITHOUT_FRAGMENTS, 60],
    ['12.2.3', '12.2', 256, WITHOUT_FRAGMENTS, 120],
    ['12.3.4', '12.3', 1024, WITHOUT_FRAGMENTS, 240],
    ['12.4.10', '12.4', 131_072, WITHOUT_FRAGMENTS, 480],
    ['12.5.11', '12.5', 8192, 256, 480],
    ['13.1.15', '12.1', 131_072, 256, 480],
    ['13.7.18', '12.1', 131_072, 32_768, 480],
  ])(
    '%s sends data of %s, %i at a time, in fragments of %s, within %i s',
    (id, corpus, units, fragmentBytes, seconds) => {
      const { steps, expectation } = caseOf(id);
      expect(expectation).toMatchObject({ kind: 'corpusLoop', corpus, units, count: 1000 });
      expect(steps).toEqual([
        { do: 'closeAfter', delayMs: seconds * 1000 },
        { do: 'corpusMessage', ...(fragmentBytes !== undefined && { fragmentBytes }) },
      ]);
    },
  );

  const plain = 'permessage-deflate; client_no_context_takeover; client_max_window_bits';
  it.each([
    ['12.*,13.1.*', 108, [plain]],
    ['13.2.*', 18, [`${plain}; server_no_context_takeover`]],
    ['13.3.*', 18, [`${plain}; server_max_window_bits=9`]],
    ['13.4.*', 18, [`${plain}; server_max_window_bits=15`]],
    ['13.5.*', 18, [`${plain}; server_no_context_takeover; server_max_window_bits=9`]],
    ['13.6.*', 18, [`${plain}; server_no_context_takeover; server_max_window_bits=15`]],
    [
      '13.7.*',
      18,
      [`${plain}; server_no_context_takeover; server_max_window_bits=9`, `${plain}; server_no_context_takeover`, plain],
    ],
  ])('RFC 7692 §7.1 %s, %i cases, offer what they are about', (patterns, count, offers) => {
    const cases = selectCases(patterns);
    expect(cases).toHaveLength(count);
    for (const { wishes } of cases) expect(wishes!.map((wish) => formatExtensions([offerOf(wish)]))).toEqual(offers);
  });

  it('no other case offers an extension', () => {
    expect(CASES.filter(({ wishes }) => wishes !== undefined)).toHaveLength(216);
  });
});

describe('selectCases', () => {
  it.each([
    ['*', 517],
    ['7.9.*', 9],
    ['2.1', 1],
    ['2.1*', 3],
    ['12.*,13.*', 216],
    [' 1.*, 10.1.1 ', 17],
  ])('%j chooses %i', (patterns, count) => {
    expect(selectCases(patterns)).toHaveLength(count);
  });

  it.each([
    ['8.*', 'No conformance case fits "8.*": use ids such as 7.9.1, 7.9.* or 7.*'],
    ['7.9.*,7.9', 'No conformance case fits "7.9": use ids such as 7.9.1, 7.9.* or 7.*'],
    ['2?1', 'No conformance case fits "2?1": use ids such as 7.9.1, 7.9.* or 7.*'],
    [' , ', 'No conformance case was asked for: use ids such as 7.9.* or *'],
  ])('%j is refused', (patterns, message) => {
    expect(() => selectCases(patterns)).toThrow(new RangeError(message));
  });
});

describe('payloads', () => {
  it.each([
    [repeated(text('abc'), 8), 'abcabcab'],
    [repeated(text('abc'), 2), 'ab'],
    [repeated(text('abc'), 0), ''],
    [bytes('4142'), 'AB'],
  ])('%# are repeated and cut off', (payload, expected) => {
    const filled = payloadBytes(payload);
    expect(Buffer.from(filled).toString()).toBe(expected);
    expect(isPayload(payload, filled)).toBe(true);
    expect(isPayload(payload, Buffer.from(`${expected}x`))).toBe(false);
    if (filled.length > 0) expect(isPayload(payload, filled.with(-1, 0))).toBe(false);
  });
});
