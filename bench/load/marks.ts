/**
 * Marks that number what is published, so that members find them without reading frames: `!a`, the lane in 4 digits, and the number of
 * the publication in it in 7. No header of a frame can look like that, and what begins so is far from the next mark.
 */

const MARK = '!'.charCodeAt(0);
const LETTER = 'a'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);
const [LANE_DIGITS, NUMBER_DIGITS] = [4, 7];
/** All digits are read as one number. */
const LANE = 10 ** NUMBER_DIGITS;
const MARK_BYTES = 2 + LANE_DIGITS + NUMBER_DIGITS;

export const markOf = (lane: number, number: number): string =>
  `!a${String(lane).padStart(LANE_DIGITS, '0')}${String(number).padStart(NUMBER_DIGITS, '0')}`;

/** Finds marks in what comes in pieces. */
export class MarkReader {
  #rest = '';

  take(bytes: Buffer, start: number, end: number, found: (lane: number, number: number) => void): void {
    let from = start;
    if (this.#rest !== '') {
      const head = this.#rest + bytes.toString('latin1', start, Math.min(end, start + MARK_BYTES - this.#rest.length));
      if (head.length < MARK_BYTES) {
        this.#rest = head;
        return;
      }
      const digits = digitsAt(Buffer.from(head, 'latin1'), 0);
      if (digits >= 0) {
        from += MARK_BYTES - this.#rest.length;
        found(Math.floor(digits / LANE), digits % LANE);
      }
      this.#rest = '';
    }
    for (let at = bytes.indexOf(MARK, from); at >= 0 && at < end; at = bytes.indexOf(MARK, from)) {
      if (at + MARK_BYTES > end) {
        this.#rest = bytes.toString('latin1', at, end);
        return;
      }
      const digits = digitsAt(bytes, at);
      from = digits < 0 ? at + 1 : at + MARK_BYTES;
      if (digits >= 0) found(Math.floor(digits / LANE), digits % LANE);
    }
  }
}

/** -1 where there is no mark. */
function digitsAt(bytes: Buffer, at: number): number {
  if (bytes[at + 1] !== LETTER) return -1;
  let digits = 0;
  for (let i = at + 2; i < at + MARK_BYTES; i++) {
    const digit = bytes[i]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    digits = digits * 10 + digit;
  }
  return digits;
}
