/** Reads header blocks of HTTP/2 (HPACK, RFC 7541): one decoder for each direction of a connection. */

import { latin1 } from '../bytes.ts';

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** RFC 7541 Appendix B: the length of the code for each byte and for the end, as digits in base 36. The codes follow. */
const CODE_LENGTHS =
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad67777777777777777777777878djde6f5656566657766' +
  '6567655677777fbedskmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmnqqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrqu';

/** RFC 7541 Appendix A, from 1 on. */
const STATIC_TABLE: HeaderList = (
  ':authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|' +
  ':status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate|' +
  'accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|' +
  'content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|' +
  'cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|' +
  'last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|' +
  'server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate'
)
  .split('|')
  .map((entry): [string, string] => {
    const at = entry.indexOf('=');
    return at === -1 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
  });

/** More than any decoder allows its peer. */
const MAX_TABLE_BYTES = 1024 * 1024;
const ENTRY_BYTES = 32;
const MAX_HEADERS = 10_000;

export class HpackError extends Error {}

export class HpackDecoder {
  /** The newest first. */
  readonly #table: [string, string][] = [];
  #tableBytes = 0;
  #maxBytes = 4096;
  #block: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** @throws {HpackError} when the block is none; the table may be wrong from then on */
  decode(block: Uint8Array): HeaderList {
    this.#block = block;
    this.#at = 0;
    const headers: [string, string][] = [];
    while (this.#at < block.length) {
      const first = block[this.#at]!;
      if ((first & 0x80) !== 0) headers.push(this.#entry(this.#integer(7)));
      else if ((first & 0xe0) === 0x20) this.#resize(this.#integer(5));
      else headers.push(this.#literal((first & 0xc0) === 0x40));
      if (headers.length > MAX_HEADERS) throw new HpackError('there are too many fields');
    }
    return headers;
  }

  #literal(isKept: boolean): [string, string] {
    const index = this.#integer(isKept ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    const field: [string, string] = [name, this.#string()];
    if (isKept) {
      this.#table.unshift(field);
      this.#tableBytes += sizeOf(field);
      this.#evict();
    }
    return field;
  }

  #entry(index: number): [string, string] {
    const field = STATIC_TABLE[index - 1] ?? this.#table[index - 1 - STATIC_TABLE.length];
    if (field === undefined) throw new HpackError(`there is no entry ${index}`);
    return [field[0], field[1]];
  }

  #resize(bytes: number): void {
    this.#maxBytes = Math.min(bytes, MAX_TABLE_BYTES);
    this.#evict();
  }

  #evict(): void {
    while (this.#tableBytes > this.#maxBytes) this.#tableBytes -= sizeOf(this.#table.pop()!);
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return value;
    }
    throw new HpackError('a number is too long');
  }

  #string(): string {
    const isCoded = ((this.#block[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new HpackError('a text is cut off');
    this.#at += length;
    return latin1(isCoded ? decodeHuffman(bytes) : bytes);
  }

  #byte(): number {
    const byte = this.#block[this.#at++];
    if (byte === undefined) throw new HpackError('the block is cut off');
    return byte;
  }
}

function sizeOf([name, value]: readonly [string, string]): number {
  return name.length + value.length + ENTRY_BYTES;
}

/** Codes of one length follow each other, in the order of what they stand for. */
function makeCodes(): Map<number, number> {
  const codes = new Map<number, number>();
  let code = 0;
  for (let length = 5; length <= 30; length++, code *= 2) {
    for (let symbol = 0; symbol < CODE_LENGTHS.length; symbol++) {
      if (Number.parseInt(CODE_LENGTHS[symbol]!, 36) === length) codes.set(keyOf(length, code++), symbol);
    }
  }
  return codes;
}

function keyOf(length: number, code: number): number {
  return length * 2 ** 30 + code;
}

let codes: Map<number, number> | undefined;

function decodeHuffman(bytes: Uint8Array): Uint8Array {
  codes ??= makeCodes();
  const output: number[] = [];
  let code = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >>> bit) & 1);
      const symbol = codes.get(keyOf(++length, code));
      if (symbol !== undefined) {
        output.push(symbol);
        code = length = 0;
      } else if (length > 30) {
        throw new HpackError('a text has a code that there is not');
      }
    }
  }
  return Uint8Array.from(output);
}
