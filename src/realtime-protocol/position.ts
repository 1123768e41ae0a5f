/** A place in a channel's log. */
export interface Position {
  /**
   * Names the log: another epoch is another log, whose offsets say nothing about this one's. 1 to 256 characters of ASCII that can
   * be seen, without a colon.
   */
  readonly epoch: string;
  /** Of the last entry seen; the first entry of a log has 1, so 0 is before all. */
  readonly offset: number;
}

/** As one word: an event's id in Server-Sent Events. */
export function formatPosition({ epoch, offset }: Position): string {
  return `${epoch}:${offset}`;
}

/** `undefined` for what `formatPosition` has not made. */
export function parsePosition(text: string): Position | undefined {
  const found = /^([!-9;-~]{1,256}):(0|[1-9]\d{0,15})$/.exec(text);
  const offset = Number(found?.[2]);
  return found !== null && Number.isSafeInteger(offset) ? { epoch: found[1]!, offset } : undefined;
}
