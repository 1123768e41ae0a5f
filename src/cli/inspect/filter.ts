/** Which of what passes is shown: the value of `--filter`. */

import type { Direction } from '../../inspector/index.ts';
import { nearestName } from '../../options/option-check.ts';
import { isControlOpcode, opcodeName } from '../../protocol/index.ts';
import { UsageError } from '../usage.ts';
import type { Sight } from './conversation.ts';

/** What a line is about; `undefined` for the beginning and the end of a connection. */
export type Filter = (connection: number, sight: Sight | undefined) => boolean;

const DIRECTIONS: Readonly<Record<string, Direction>> = { client: 'clientToServer', server: 'serverToClient' };
const KINDS = [
  'text',
  'binary',
  'continuation',
  'close',
  'ping',
  'pong',
  'control',
  'data',
  'http',
  'fault',
  'connection',
];

/** For people: what a filter is made of. */
const FILTER_SYNTAX = `${KINDS.join(', ')}; client or server, who sent it; #3, a connection; /a regular expression/`;

/**
 * Terms between commas or spaces. Those of a sort are alternatives: kinds, senders, connections. All sorts have to hold,
 * and all expressions.
 * @throws {UsageError} for a term that is none
 */
export function parseFilter(text: string): Filter {
  const kinds = new Set<string>();
  const directions = new Set<Direction>();
  const connections = new Set<number>();
  const expressions: RegExp[] = [];
  for (const term of text.match(/\/(?:\\.|[^/\\])+\/[a-z]*|[^\s,]+/g) ?? []) {
    if (term.startsWith('/')) expressions.push(parseExpression(term));
    else if (/^#\d+$/.test(term)) connections.add(Number(term.slice(1)));
    else if (Object.hasOwn(DIRECTIONS, term)) directions.add(DIRECTIONS[term]!);
    else if (KINDS.includes(term)) kinds.add(term);
    else throw unknownTerm(term);
  }
  return (connection, sight) => {
    if (connections.size > 0 && !connections.has(connection)) return false;
    if (sight === undefined) {
      return expressions.length === 0 && directions.size === 0 && (kinds.size === 0 || kinds.has('connection'));
    }
    if (directions.size > 0 && !directions.has(sight.direction)) return false;
    if (kinds.size > 0 && !kindsOf(sight).some((kind) => kinds.has(kind))) return false;
    return expressions.length === 0 || expressions.every((expression) => expression.test(textOf(sight)));
  };
}

function parseExpression(term: string): RegExp {
  const end = term.lastIndexOf('/');
  try {
    // What keeps its place from one test to the next is of no use here.
    return new RegExp(term.slice(1, end), term.slice(end + 1).replace(/[gy]/g, ''));
  } catch (error) {
    throw new UsageError(`--filter: ${(error as Error).message}`);
  }
}

function unknownTerm(term: string): UsageError {
  const near = nearestName(term, [...KINDS, ...Object.keys(DIRECTIONS)]);
  const advice = near === undefined ? `it takes ${FILTER_SYNTAX}` : `did you mean ${near}?`;
  return new UsageError(`--filter does not know ${JSON.stringify(term)}: ${advice}`);
}

function kindsOf(sight: Sight): string[] {
  if (sight.type === 'unread') return ['connection'];
  if (sight.type === 'head') return sight.fault === undefined ? ['http'] : ['http', 'fault'];
  const { opcode, message, faults } = sight.frame;
  const kinds = [opcodeName(opcode), isControlOpcode(opcode) ? 'control' : 'data'];
  if (message !== undefined) kinds.push(opcodeName(message.opcode));
  return faults.length > 0 ? [...kinds, 'fault'] : kinds;
}

/** What expressions are held against: a head, or the beginning of a payload. */
function textOf(sight: Sight): string {
  if (sight.type === 'unread') return sight.reason;
  if (sight.type === 'frame') return Buffer.from(sight.frame.beginning).toString();
  const { head } = sight;
  const fields: string[] = [];
  for (let i = 0; i + 1 < head.rawHeaders.length; i += 2)
    fields.push(`${head.rawHeaders[i]}: ${head.rawHeaders[i + 1]}`);
  const first = 'method' in head ? `${head.method} ${head.target}` : `${head.statusCode} ${head.reason}`;
  return [first, ...fields].join('\n');
}
