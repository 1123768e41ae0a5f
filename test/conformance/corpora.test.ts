/** The data of groups 12 and 13: as long, of the kind, and as hard to compress as it claims; and how it is cut. */

import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { CORPUS_KINDS, Corpus, type CorpusName, corpusOf } from '../../src/conformance/corpora.ts';

const NAMES = Object.keys(CORPUS_KINDS) as CorpusName[];

describe('corpora', () => {
  it.each(NAMES)('%s is as long as it claims', (name) => {
    const { lengthBytes, lengthUnits, isBinary } = CORPUS_KINDS[name];
    const { bytes } = corpusOf(name);
    expect(bytes).toHaveLength(lengthBytes);
    if (isBinary) return;
    expect(isUtf8(bytes)).toBe(true);
    expect(Buffer.from(bytes).toString()).toHaveLength(lengthUnits);
  });

  it.each(NAMES)('%s is as hard to compress as it claims, within 3 %%', (name) => {
    const { bytes } = corpusOf(name);
    const ratio = deflateSync(bytes, { level: 6 }).length / bytes.length;
    expect(Math.abs(ratio / CORPUS_KINDS[name].ratio - 1)).toBeLessThan(0.03);
  });

  it.each([
    ['12.1', '971920fde345622c'],
    ['12.2', '70e889a0f49ab08c'],
    ['12.3', '01d0a47e55b4a59e'],
    ['12.4', '9d13991a42f32ed8'],
    ['12.5', 'fa224df7862d1191'],
  ] as const)('%s is the same everywhere', (name, hash) => {
    expect(createHash('sha256').update(corpusOf(name).bytes).digest('hex').slice(0, 16)).toBe(hash);
  });

  it('are JSON, a bitmap, ASCII text, HTML and a PDF', () => {
    const [json, bitmap, book, html, pdf] = NAMES.map((name) => Buffer.from(corpusOf(name).bytes));
    expect(Array.isArray(JSON.parse(json!.toString()))).toBe(true);
    expect([bitmap!.subarray(0, 2).toString(), bitmap!.readUInt32LE(2)]).toEqual(['BM', bitmap!.length]);
    expect(book!.toString('latin1')).toMatch(/^[\r\n -~]+$/);
    expect(html!.toString()).toMatch(/^<!DOCTYPE html>[\s\S]*<\/html>\n$/);
    expect([...html!.toString()].filter((character) => character > '~')).toHaveLength(26);
    expect(pdf!.subarray(0, 8).toString()).toBe('%PDF-1.4');
  });
});

describe('messages of a corpus', () => {
  const words = (corpus: Corpus, units: number, count: number): string[] =>
    Array.from({ length: count }, (_, i) => Buffer.from(corpus.message(i, units)).toString());

  it('follow each other around the ring', () => {
    const corpus = new Corpus(Buffer.from('abcde'), 5);
    expect(words(corpus, 2, 6)).toEqual(['ab', 'cd', 'ea', 'bc', 'de', 'ab']);
    expect(words(corpus, 5, 2)).toEqual(['abcde', 'abcde']);
  });

  it('§5.6 are cut between characters', () => {
    const corpus = new Corpus(Buffer.from('aébὔ€'), 5);
    expect(words(corpus, 2, 5)).toEqual(['aé', 'bὔ', '€a', 'éb', 'ὔ€']);
    expect(words(corpus, 3, 3)).toEqual(['aéb', 'ὔ€a', 'ébὔ']);
  });

  it.each(NAMES)('%s gives a thousand different ones', (name) => {
    const first = corpusOf(name);
    const different = new Set(
      Array.from({ length: 1000 }, (_, i) => Buffer.from(first.message(i, 4096)).toString('latin1')),
    );
    expect(different.size).toBeGreaterThan(900);
  });
});
