/**
 * Groups 12 and 13: a thousand compressed messages (RFC 7692), one after the other's echo, whose content is compared.
 * Group 12 has five kinds of data; group 13 has one, and asks different things of the testee's compression.
 */

import { type ConformanceCase, closeAfter, compressed } from '../case.ts';
import { CORPUS_KINDS, type CorpusName } from '../corpora.ts';
import type { DeflateWish } from '../deflate-terms.ts';

const MESSAGES = 1000;

interface Size {
  /** In characters for text, in bytes otherwise. */
  readonly units: number;
  /** Of the compressed message. */
  readonly fragmentBytes?: number;
}

/** The sizes of each subgroup, in order. */
const SIZES: readonly Size[] = [
  ...[16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072].map((units) => ({ units })),
  ...[8192, 16_384, 32_768, 65_536, 131_072].map((units) => ({ units, fragmentBytes: 256 })),
  ...[1024, 4096, 32_768].map((fragmentBytes) => ({ units: 131_072, fragmentBytes })),
];

/** Seconds for all messages, by length; 480 for those not listed. */
const TIMEOUT_SECONDS: ReadonlyMap<number, number> = new Map([
  [16, 60],
  [64, 60],
  [256, 120],
  [1024, 240],
]);
const LONG_TIMEOUT_SECONDS = 480;

function subgroup(name: string, corpus: CorpusName, wishes: readonly DeflateWish[]): ConformanceCase[] {
  const { title, isBinary } = CORPUS_KINDS[corpus];
  return SIZES.map(({ units, fragmentBytes }, i) => {
    const length = `${units} ${isBinary ? 'bytes' : 'characters'}`;
    const fragments = fragmentBytes === undefined ? '' : `, in fragments of ${fragmentBytes} bytes`;
    return compressed(
      `${name}.${i + 1}`,
      `${MESSAGES} compressed messages of ${length} from ${title}${fragments}`,
      [
        closeAfter(1000 * (TIMEOUT_SECONDS.get(units) ?? LONG_TIMEOUT_SECONDS)),
        { do: 'corpusMessage', ...(fragmentBytes !== undefined && { fragmentBytes }) },
      ],
      { kind: 'corpusLoop', corpus, isBinary, units, count: MESSAGES },
      wishes,
    );
  });
}

const NO_WISH: DeflateWish = {};
const NO_CONTEXT: DeflateWish = { noContextTakeover: true };
const SMALLEST: DeflateWish = { noContextTakeover: true, windowBits: 9 };

/** Wishes by subgroup of group 13, the dearest first. */
const WISHES: readonly (readonly DeflateWish[])[] = [
  [NO_WISH],
  [NO_CONTEXT],
  [{ windowBits: 9 }],
  [{ windowBits: 15 }],
  [SMALLEST],
  [{ noContextTakeover: true, windowBits: 15 }],
  [SMALLEST, NO_CONTEXT, NO_WISH],
];

export const COMPRESSION_CASES: readonly ConformanceCase[] = [
  ...(Object.keys(CORPUS_KINDS) as CorpusName[]).flatMap((corpus) => subgroup(corpus, corpus, [NO_WISH])),
  ...WISHES.flatMap((wishes, i) => subgroup(`13.${i + 1}`, '12.1', wishes)),
];
