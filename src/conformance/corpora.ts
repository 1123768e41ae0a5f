/**
 * What the compressed messages of groups 12 and 13 are cut from: five files like those of the Autobahn test suite, as
 * large, of the same kinds, and as hard to compress. They are made here, from a seed, when they are first asked for.
 * Nothing here knows of compression or frames.
 */

import { RandomNumbers } from './random-numbers.ts';

/** Named after the subgroups that they were made for. */
export type CorpusName = '12.1' | '12.2' | '12.3' | '12.4' | '12.5';

export interface CorpusKind {
  readonly title: string;
  readonly isBinary: boolean;
  readonly lengthBytes: number;
  /** Text is cut between characters: UTF-16 units, of which none here is half a pair. Of binary data, bytes. */
  readonly lengthUnits: number;
  /** Length after zlib at level 6, as a share of the length before. */
  readonly ratio: number;
}

export const CORPUS_KINDS: Readonly<Record<CorpusName, CorpusKind>> = {
  '12.1': { title: 'JSON', isBinary: false, lengthBytes: 194_056, lengthUnits: 194_056, ratio: 0.0435 },
  '12.2': { title: 'a bitmap', isBinary: true, lengthBytes: 263_222, lengthUnits: 263_222, ratio: 0.8506 },
  '12.3': { title: 'a book', isBinary: true, lengthBytes: 222_218, lengthUnits: 222_218, ratio: 0.3886 },
  '12.4': { title: 'HTML', isBinary: false, lengthBytes: 263_647, lengthUnits: 263_620, ratio: 0.0554 },
  '12.5': { title: 'a PDF', isBinary: true, lengthBytes: 1_042_328, lengthUnits: 1_042_328, ratio: 0.7577 },
};

/** A corpus as a ring: messages that reach its end go on at its beginning. */
export class Corpus {
  readonly bytes: Uint8Array;
  readonly lengthUnits: number;
  /** The ring, cut open and laid out twice, so that every message lies in one piece. */
  private readonly twice: Uint8Array;
  /** Where each unit starts, in bytes; undefined when units are bytes. */
  private readonly starts: Uint32Array | undefined;

  constructor(bytes: Uint8Array, lengthUnits: number) {
    this.bytes = bytes;
    this.lengthUnits = lengthUnits;
    this.twice = new Uint8Array(2 * bytes.length);
    this.twice.set(bytes);
    this.twice.set(bytes, bytes.length);
    this.starts = lengthUnits === bytes.length ? undefined : characterStarts(bytes, lengthUnits);
  }

  /** The `index`-th message, from 0, when each is `units` long: a view. `units` is at most the length of the corpus. */
  message(index: number, units: number): Uint8Array {
    const position = (index * units) % this.lengthUnits;
    return this.twice.subarray(this.startOf(position), this.startOf(position + units));
  }

  /** What has been sent before the `index`-th message: its last bytes, `limitBytes` at most. No window is longer than the ring. */
  before(index: number, units: number, limitBytes: number): Uint8Array {
    const unit = index * units;
    const sentBytes = unit < this.lengthUnits ? this.startOf(unit) : this.bytes.length;
    const end = this.bytes.length + this.startOf(unit % this.lengthUnits);
    return this.twice.subarray(end - Math.min(limitBytes, sentBytes), end);
  }

  private startOf(unit: number): number {
    if (this.starts === undefined) return unit;
    return unit < this.lengthUnits ? this.starts[unit]! : this.bytes.length + this.starts[unit - this.lengthUnits]!;
  }
}

/** One past the last as well, so that every message has an end. */
function characterStarts(utf8: Uint8Array, count: number): Uint32Array {
  const starts = new Uint32Array(count);
  let found = 0;
  utf8.forEach((byte, at) => {
    if ((byte & 0xc0) !== 0x80) starts[found++] = at;
  });
  return starts;
}

const made = new Map<CorpusName, Corpus>();

/** The corpus; made the first time, the same ever after. */
export function corpusOf(name: CorpusName): Corpus {
  let corpus = made.get(name);
  if (corpus === undefined) {
    const { lengthBytes, lengthUnits } = CORPUS_KINDS[name];
    corpus = new Corpus(MAKERS[name](lengthBytes), lengthUnits);
    made.set(name, corpus);
  }
  return corpus;
}

const MAKERS: Readonly<Record<CorpusName, (lengthBytes: number) => Uint8Array>> = {
  '12.1': makeJson,
  '12.2': makeBitmap,
  '12.3': makeBook,
  '12.4': makeHtml,
  '12.5': makePdf,
};

const utf8 = new TextEncoder();

// ---- JSON: the log of a few stations, all records alike but for their identifiers ----------------------------------

const STATIONS = ['Northgate', 'Harbour', 'Old Mill', 'Ridgeway'];

function makeJson(lengthBytes: number): Uint8Array {
  const random = new RandomNumbers(1);
  const record = (): string =>
    JSON.stringify(
      {
        identifier: hexadecimal(random, 13),
        station: random.pick(STATIONS),
        measurements: { temperature: { unit: 'celsius', value: random.below(40) }, pressure: { unit: 'hectopascal' } },
        position: { latitude: 52.520008, longitude: 13.404954, reference: 'WGS84', precision: 'approximate' },
        tags: ['automatic', 'verified', 'published'],
        contact: { name: 'Operations desk', telephone: '+00 000 0000', channel: 'duty-roster' },
        remark: null,
      },
      null,
      2,
    );
  const end = '\n]\n';
  let json = `[\n${record()}`;
  for (let next = record(); json.length + next.length + 2 + end.length <= lengthBytes; next = record()) {
    json += `,\n${next}`;
  }
  return utf8.encode(json + ' '.repeat(lengthBytes - json.length - end.length) + end);
}

function hexadecimal(random: RandomNumbers, lengthBytes: number): string {
  return Buffer.from(random.bytes(lengthBytes)).toString('hex');
}

// ---- HTML: one long table, with a name that is not ASCII now and then ----------------------------------------------

const TOWNS = ['Aberdeen', 'Bergamo', 'Coimbra', 'Delft', 'Esbjerg'];
/** 25 characters of two bytes and one of three: the corpus is 27 bytes longer than it has characters. */
const FAR_TOWNS = [
  'Málaga',
  'Besançon',
  'Tromsø',
  'Łódź',
  'Αθήνα',
  'Jönköping',
  'Ås',
  'Würzburg',
  'São Tomé',
  'Córdoba',
  'Čačak',
  'Εὔβοια',
];

function makeHtml(lengthBytes: number): Uint8Array {
  const random = new RandomNumbers(4);
  const row = (town: string): string =>
    `    <tr class="departure">\n      <td class="time"><time>${twoDigits(random.below(24))}:${twoDigits(random.below(60))}</time></td>\n` +
    `      <td class="destination"><a href="/journeys/${hexadecimal(random, 5)}" title="Timetable">${town}</a></td>\n` +
    `      <td class="platform"><span class="badge badge-secondary">${1 + random.below(6)}</span></td>\n    </tr>\n`;
  const start =
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n  <meta charset="utf-8">\n  <title>Departures</title>\n</head>\n' +
    '<body>\n  <table>\n';
  const end = '  </table>\n</body>\n</html>\n';
  const rows: Uint8Array[] = [utf8.encode(start)];
  let length = start.length;
  for (let i = 0; ; i++) {
    const next = utf8.encode(row(i % 20 === 19 ? (FAR_TOWNS[(i - 19) / 20] ?? 'Delft') : random.pick(TOWNS)));
    if (length + next.length + end.length > lengthBytes) break;
    rows.push(next);
    length += next.length;
  }
  return Buffer.concat([...rows, utf8.encode(' '.repeat(lengthBytes - length - end.length) + end)]);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

// ---- Book: sentences of English words among made-up ones -------------------------------------------------------------

const ENGLISH_WORDS =
  'the of and to in a is that was he for it with as his on be at by had not are but from or have an they which one';
const LETTERS = 'abcdefghijklmnopqrstuvwxyzaeiourstn';
const MADE_UP_WORDS = 1300;
const SHARE_OF_ENGLISH = 0.1;
const LINE_CHARACTERS = 70;

function makeBook(lengthBytes: number): Uint8Array {
  const random = new RandomNumbers(3);
  const english = ENGLISH_WORDS.split(' ');
  const madeUp = Array.from({ length: MADE_UP_WORDS }, () =>
    Array.from({ length: 3 + random.below(7) }, () => LETTERS[random.below(LETTERS.length)]).join(''),
  );
  let book = '';
  let line = '';
  let wordsToGo = 0;
  while (book.length < lengthBytes) {
    const word = random.pick(random.fraction() < SHARE_OF_ENGLISH ? english : madeUp);
    const isFirst = wordsToGo === 0;
    if (isFirst) wordsToGo = 4 + random.below(20);
    wordsToGo--;
    const written = (isFirst ? word[0]!.toUpperCase() + word.slice(1) : word) + (wordsToGo === 0 ? '.' : '');
    if (line.length + written.length > LINE_CHARACTERS) {
      book += `${line}\r\n`;
      line = '';
    }
    line += line === '' ? written : ` ${written}`;
  }
  return utf8.encode(book.slice(0, lengthBytes));
}

// ---- Bitmap: grey, 512 pixels square, soft shapes under noise --------------------------------------------------------

const WIDTH = 512;
const BITMAP_HEADER_BYTES = 54;
const PALETTE_BYTES = 4 * 256;
/** Rows above and below the picture that are black. */
const BAR_ROWS = 32;
const NOISE = 100;

function makeBitmap(lengthBytes: number): Uint8Array {
  const random = new RandomNumbers(2);
  const bitmap = new Uint8Array(lengthBytes);
  const view = new DataView(bitmap.buffer);
  const pixelsAt = BITMAP_HEADER_BYTES + PALETTE_BYTES;
  bitmap.set(utf8.encode('BM'));
  view.setUint32(2, lengthBytes, true);
  view.setUint32(10, pixelsAt, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, WIDTH, true);
  view.setInt32(22, WIDTH, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 8, true);
  for (let grey = 0; grey < 256; grey++)
    bitmap.fill(grey, BITMAP_HEADER_BYTES + 4 * grey, BITMAP_HEADER_BYTES + 4 * grey + 3);
  for (let y = BAR_ROWS; y < WIDTH - BAR_ROWS; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const shade = 127 + 27 * Math.sin(x / 61) * Math.cos(y / 47) + NOISE * (2 * random.fraction() - 1);
      bitmap[pixelsAt + y * WIDTH + x] = Math.max(0, Math.min(255, Math.round(shade)));
    }
  }
  return bitmap;
}

// ---- PDF: pictures that are compressed already, between drawing operators that are not -------------------------------

const PICTURE_BYTES = 24_000;
const RULES = 260;

function makePdf(lengthBytes: number): Uint8Array {
  const random = new RandomNumbers(5);
  const parts: Uint8Array[] = [utf8.encode('%PDF-1.4\n')];
  let length = parts[0]!.length;
  const add = (part: Uint8Array): void => {
    parts.push(part);
    length += part.length;
  };
  for (let number = 1; length < lengthBytes; number += 2) {
    const picture = random.bytes(PICTURE_BYTES);
    const drawing = Array.from({ length: RULES }, () => `1 0 0 1 72 ${random.below(800)} cm 0 0 m 451 0 l S\n`).join(
      '',
    );
    add(utf8.encode(`${number} 0 obj\n<< /Type /XObject /Filter /FlateDecode /Length ${picture.length} >>\nstream\n`));
    add(picture);
    add(utf8.encode(`\nendstream\nendobj\n${number + 1} 0 obj\n<< /Length ${drawing.length} >>\nstream\n${drawing}`));
    add(utf8.encode('endstream\nendobj\n'));
  }
  return Buffer.concat(parts, lengthBytes);
}
