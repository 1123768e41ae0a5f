/**
 * Heads of HTTP/1.1 messages as lines: those of an ordinary opening handshake (§4.1, §4.2.2), changed as a case has it, and
 * reading those of the testee, leniently: a case judges what it is about, and nothing else.
 */

/** Which lines of an ordinary head are different. */
export interface HeadChange {
  /** In place of the first line. */
  readonly start?: string;
  /** In place of the line of a field, by its name: none, one or several lines. */
  readonly lines?: Readonly<Record<string, string | readonly string[]>>;
  /** Behind the others. */
  readonly added?: readonly string[];
  /** Before the first line. */
  readonly before?: string;
  /** Of all lines, one after the other. */
  readonly edit?: (line: string) => string;
  readonly isReversed?: boolean;
  /** Default CR LF. */
  readonly lineEnd?: string;
  /** Behind the head. */
  readonly body?: string;
}

export function formatLines([start = '', ...fields]: readonly string[], change: HeadChange = {}): Buffer {
  const {
    lines = {},
    added = [],
    edit = (line) => line,
    isReversed,
    lineEnd = '\r\n',
    before = '',
    body = '',
  } = change;
  const changed = fields.flatMap((line) => lines[line.slice(0, line.indexOf(':'))] ?? line);
  const all = [...changed, ...added];
  if (isReversed) all.reverse();
  const head = [change.start ?? start, ...all].map(edit);
  return Buffer.from(`${before}${head.join(lineEnd)}${lineEnd}${lineEnd}${body}`, 'latin1');
}

export interface Head {
  /** Its first line. */
  readonly start: string;
  /** Names in lower case, values without white space around them. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly lengthBytes: number;
}

/** The head at the start of `bytes`, once it is all there. */
export function readHead(bytes: Uint8Array): Head | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const end = /\r?\n\r?\n/.exec(text);
  if (end === null) return undefined;
  const [start = '', ...lines] = text.slice(0, end.index).split(/\r?\n/);
  const fields = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { start, fields, lengthBytes: end.index + end[0].length };
}

/** The values of all fields of a name, in order. */
export function valuesOf({ fields }: Head, name: string): string[] {
  return fields.filter(([own]) => own === name).map(([, value]) => value);
}

/** The elements of a comma list, which may stand in several fields, in lower case. */
export function listOf(head: Head, name: string): string[] {
  const elements = valuesOf(head, name).join(',').split(',');
  return elements.map((element) => element.trim().toLowerCase()).filter((element) => element !== '');
}

/** Of a response; NaN when its first line has none. */
export function statusOf({ start }: Head): number {
  return Number(/^HTTP\/\d\.\d (\d{3})(?: |$)/.exec(start)?.[1]);
}
