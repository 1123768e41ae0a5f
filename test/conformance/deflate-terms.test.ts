/** Agreeing on permessage-deflate: what the fuzzer takes for an answer, and what it answers. */

import { describe, expect, it } from 'vitest';
import { answerOffers, type DeflateWish, readAnswer } from '../../src/conformance/deflate-terms.ts';
import { formatExtensions, parseExtensions } from '../../src/handshake/index.ts';

const full = { windowBits: 15, keepsContext: true };

describe('RFC 7692 §7.1 as client', () => {
  it('takes no answer for a refusal', () => {
    expect(readAnswer([])).toBeUndefined();
  });

  it.each([
    ['permessage-deflate', full, full],
    ['permessage-deflate; client_no_context_takeover', { windowBits: 15, keepsContext: false }, full],
    ['permessage-deflate; server_no_context_takeover', full, { windowBits: 15, keepsContext: false }],
    ['permessage-deflate; client_max_window_bits=8', { windowBits: 8, keepsContext: true }, full],
    ['permessage-deflate; server_max_window_bits="10"', full, { windowBits: 10, keepsContext: true }],
  ])('takes %s', (answer, sending, receiving) => {
    expect(readAnswer(parseExtensions(answer))).toEqual({ sending, receiving });
  });

  it.each([
    ['permessage-deflate, permessage-deflate', 'the server agreed to more than one extension'],
    ['permessage-bzip2', 'the server agreed to permessage-bzip2, which was not offered'],
    ['permessage-deflate; level=9', 'the answer to permessage-deflate has the unknown parameter level'],
    ['permessage-deflate; constructor', 'the answer to permessage-deflate has the unknown parameter constructor'],
    [
      'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
      'the answer to permessage-deflate has server_no_context_takeover twice',
    ],
    [
      'permessage-deflate; server_no_context_takeover=1',
      'the answer to permessage-deflate has server_no_context_takeover=1',
    ],
    [
      'permessage-deflate; client_max_window_bits',
      'the answer to permessage-deflate has client_max_window_bits without a value',
    ],
    [
      'permessage-deflate; server_max_window_bits',
      'the answer to permessage-deflate has server_max_window_bits without a value',
    ],
    ...['7', '16', '08', '1e1', '+9'].map((bits) => [
      `permessage-deflate; server_max_window_bits=${bits}`,
      `the answer to permessage-deflate has server_max_window_bits=${bits}`,
    ]),
  ])('refuses %s', (answer, message) => {
    expect(readAnswer(parseExtensions(answer!))).toBe(message);
  });
});

const NO_CONTEXT: DeflateWish = { noContextTakeover: true };
const SMALL: DeflateWish = { windowBits: 9 };
const SMALLEST: DeflateWish = { noContextTakeover: true, windowBits: 9 };

describe('RFC 7692 §7.1 as server', () => {
  it.each<[string, readonly DeflateWish[], string]>([
    ['permessage-deflate', [{}], 'permessage-deflate'],
    ['permessage-deflate; client_no_context_takeover; client_max_window_bits', [{}], 'permessage-deflate'],
    ['permessage-deflate', [NO_CONTEXT], 'permessage-deflate; client_no_context_takeover'],
    ['permessage-deflate; client_max_window_bits', [SMALL], 'permessage-deflate; client_max_window_bits=9'],
    ['permessage-deflate; client_max_window_bits=12', [SMALL], 'permessage-deflate; client_max_window_bits=9'],
    [
      'permessage-deflate; server_max_window_bits=10; server_no_context_takeover',
      [NO_CONTEXT],
      'permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_no_context_takeover',
    ],
    ['permessage-deflate', [SMALLEST, NO_CONTEXT, {}], 'permessage-deflate; client_no_context_takeover'],
    ['other, permessage-deflate; x, permessage-deflate', [{}], 'permessage-deflate'],
    [
      'permessage-deflate, permessage-deflate; client_max_window_bits',
      [SMALL],
      'permessage-deflate; client_max_window_bits=9',
    ],
  ])('answers %s', (offers, wishes, answer) => {
    expect(formatExtensions([answerOffers(parseExtensions(offers), wishes)!.extension])).toBe(answer);
  });

  it.each<[string, readonly DeflateWish[]]>([
    ['other', [{}]],
    ['permessage-deflate', [SMALL, SMALLEST]],
    ['permessage-deflate; client_max_window_bits=16', [{}]],
    ['permessage-deflate; server_max_window_bits', [{}]],
    ['permessage-deflate; client_no_context_takeover=true', [{}]],
  ])('declines %s', (offers, wishes) => {
    expect(answerOffers(parseExtensions(offers), wishes)).toBeUndefined();
  });

  it('keeps to what was agreed on', () => {
    const offer = 'permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits';
    expect(answerOffers(parseExtensions(offer), [SMALLEST])!.terms).toEqual({
      sending: { windowBits: 10, keepsContext: false },
      receiving: { windowBits: 9, keepsContext: false },
    });
    expect(answerOffers(parseExtensions('permessage-deflate; client_no_context_takeover'), [{}])!.terms).toEqual({
      sending: full,
      receiving: full,
    });
  });
});
