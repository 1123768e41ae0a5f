/**
 * Splits a log of both directions by the marks in front of its lines: `>` and `<`, arrows, `client:`, `sent`, as wscat,
 * curl and people write them. What stands behind the marks is for others to read.
 */

import type { Direction } from './wire-event.ts';

/** Lines of one direction behind each other. */
export interface MarkedRun {
  readonly direction: Direction;
  /** Whether the mark names client and server. Otherwise it may be the server's log, to whom "out" is the other way. */
  readonly isNamed: boolean;
  /** Parts of the run, each from a mark to the next. Lines before it are empty, so that places in it are right. */
  readonly texts: readonly string[];
}

interface Mark {
  readonly pattern: RegExp;
  readonly direction: Direction;
  readonly isNamed?: true;
}

/** In texts longer than this, places count from the line: empty lines in front of each would be too many. */
const MAX_PLACED_LINES = 2000;

const UP = 'clientToServer';
const DOWN = 'serverToClient';
const ARROW = '(?:-{0,2}>|=>|→|⇒|to)';

const MARKS: readonly Mark[] = [
  {
    pattern: new RegExp(`^(?:client|c)\\s*${ARROW}\\s*(?:server|s)\\b\\s*[:|]?\\s*`, 'i'),
    direction: UP,
    isNamed: true,
  },
  {
    pattern: new RegExp(`^(?:server|s)\\s*${ARROW}\\s*(?:client|c)\\b\\s*[:|]?\\s*`, 'i'),
    direction: DOWN,
    isNamed: true,
  },
  { pattern: /^\[?(?:client|c|browser|c2s)\]?\s*(?::|>|→|\|)\s*/i, direction: UP, isNamed: true },
  { pattern: /^\[?(?:server|s|s2c)\]?\s*(?::|>|→|\|)\s*/i, direction: DOWN, isNamed: true },
  // socat -x
  { pattern: /^> \d{4}\/.* length=\d+ from=\d+ to=\d+$/, direction: UP },
  { pattern: /^< \d{4}\/.* length=\d+ from=\d+ to=\d+$/, direction: DOWN },
  { pattern: /^(?:=> Send|-> Send) (?:header|data).*$/, direction: UP },
  { pattern: /^(?:<= Recv|<- Recv) (?:header|data).*$/, direction: DOWN },
  { pattern: /^(?:>{1,3}|-{1,2}>|=>|→|⇒|↑|⬆|▲|⇡)\s*/, direction: UP },
  { pattern: /^(?:<-{1,2}|<=|<{1,3}|←|⇐|↓|⬇|▼|⇣)\s*/, direction: DOWN },
  {
    pattern: /^(?:\[(?:sent|send|out|tx)\]|(?:sent|send|out|outgoing|tx|upstream)\s*[:>|]|(?:sent|send|tx|out)\s)\s*/i,
    direction: UP,
  },
  {
    pattern:
      /^(?:\[(?:received|receive|recv|in|rx)\]|(?:received|receive|recv|in|incoming|rx|downstream)\s*[:<>|]|(?:received|recv|rx|in)\s)\s*/i,
    direction: DOWN,
  },
];

/** And the number of the transfer, as curl writes it. */
const TIME =
  /^(?:\[?(?:\d{4}[-/]\d\d[-/]\d\d[T ])?\d{1,2}:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?\s+)?(?:\[\d+-\w+\] )?/;
/** What curl and people say in between. */
const REMARK = /^(?:--$|\*(?: |$)|== Info|[{}] \[\d+ bytes data\]|#|\/\/)/;
const SSL_DATA = /^(?:=>|<=) (?:Send|Recv) SSL data/;
/** ngrep and tcpflow name both ends; who sends first is taken for the client. */
const ENDS = /^(?:[TU] )?(?:\S+ \S+ )?(\d[\w.:]*[.:]\d+) ?->? ?(\d[\w.:]*[.:]\d+)(?: \[[A-Z]+\].*)?:?\s*$/;
/** What begins with `<` and is no mark. */
const NO_MARK = /^<[^<>]*>\s*$|^<\w*Buffer\b|^<[a-z!?/][^\s>]*(?:\s+[\w-]+=|>)|^<<.*>>\s*$/i;

/** The runs of a text, in order; undefined when it does not begin with a mark. */
export function splitDirections(text: string): MarkedRun[] | undefined {
  const runs: { direction: Direction; isNamed: boolean; texts: string[] }[] = [];
  let isSkipped = false;
  let client: string | undefined;
  const markOf = (timed: string): Mark | undefined => {
    const from = ENDS.exec(timed)?.[1];
    client ??= from;
    if (from !== undefined) return { pattern: ENDS, direction: from === client ? UP : DOWN };
    return NO_MARK.test(timed) ? undefined : MARKS.find(({ pattern }) => pattern.test(timed));
  };
  for (const [i, line] of text.split('\n').entries()) {
    const content = line.trim();
    const timed = content.replace(TIME, '');
    const mark = markOf(timed);
    const run = runs.at(-1);
    if (SSL_DATA.test(content)) {
      isSkipped = true;
    } else if (mark !== undefined) {
      isSkipped = false;
      const start = '\n'.repeat(i < MAX_PLACED_LINES ? i : 0) + timed.replace(mark.pattern, '');
      const { direction, isNamed = false } = mark;
      if (run?.direction === direction) run.texts.push(start);
      else runs.push({ direction, isNamed, texts: [start] });
    } else if (REMARK.test(content) || isSkipped) {
      // Nothing to read.
    } else if (run !== undefined) {
      run.texts.push(`${run.texts.pop()}\n${line}`);
    } else if (content !== '') {
      return undefined;
    }
  }
  return runs.length === 0 ? undefined : runs;
}

/** The parts of a run as one text. */
export function joinRun({ texts }: MarkedRun): string {
  const [first = '', ...others] = texts;
  return [first, ...others.map((text) => text.replace(/^\n+/, ''))].join('\n');
}
