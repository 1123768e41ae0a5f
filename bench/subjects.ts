/**
 * Who is measured. A subject is named NAME[@NODE][:DIST]: `framewright`, `ws@24` (on Node.js 24), `framewright:/other/dist`
 * (another build of it). The table holds what the names mean.
 */

import { existsSync } from 'node:fs';
import { nodeFile } from './support/nodes.ts';
import { peerFile, peersFolder, peerVersion } from './support/peers.ts';
import { type Runtime, TYPESCRIPT_LOADER } from './support/processes.ts';

/** What holds for all subjects of a run whose names do not say otherwise. */
export interface Surroundings {
  readonly nodeMajor: string;
  /** Of an application's objects beside each server. */
  readonly heapMb: number;
}

export interface Subject extends Runtime {
  /** As it stands in tables. */
  readonly name: string;
  /** The file in bench/servers that starts it. */
  readonly adapter: string;
  /** Its server sends back bytes and knows nothing of WebSocket. */
  readonly isRaw: boolean;
  /** What its clients speak: see load/room.ts. */
  readonly language: string;
  readonly heapMb: number;
  /** Why it cannot be measured here. */
  readonly missing: string | undefined;
}

interface Kind {
  readonly adapter: string;
  readonly runtime?: 'bun' | 'deno';
  /** The package that it needs. */
  readonly needs?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly isRaw?: boolean;
  readonly language?: string;
}

const KINDS: Readonly<Record<string, Kind>> = {
  framewright: { adapter: 'framewright' },
  'framewright-net': { adapter: 'framewright-net' },
  'framewright-loop': { adapter: 'framewright-loop' },
  'framewright-transient': { adapter: 'framewright-transient' },
  'framewright-trial': { adapter: 'framewright-trial' },
  'framewright-net-trial': { adapter: 'framewright-net-trial' },
  'ws-trial': { adapter: 'ws-trial', needs: 'bufferutil' },
  'framewright-room': { adapter: 'framewright-room' },
  'framewright-hub': { adapter: 'framewright-hub', language: 'hub' },
  'socket-io': { adapter: 'socket-io', needs: 'socket.io', language: 'socket.io' },
  'framewright-redis': { adapter: 'framewright-redis', language: 'hub' },
  'socket-io-redis': { adapter: 'socket-io-redis', needs: '@socket.io/redis-streams-adapter', language: 'socket.io' },
  'crossws-redis': { adapter: 'crossws-redis', needs: 'crossws', language: 'crossws' },
  net: { adapter: 'net', isRaw: true },
  ws: { adapter: 'ws', needs: 'bufferutil' },
  'ws-nobu': { adapter: 'ws', needs: 'ws', environment: { WS_NO_BUFFER_UTIL: '1' } },
  websocket: { adapter: 'websocket', needs: 'websocket' },
  faye: { adapter: 'faye', needs: 'faye-websocket' },
  bun: { adapter: 'bun', runtime: 'bun', needs: 'bun' },
  deno: { adapter: 'deno', runtime: 'deno', needs: 'deno' },
};

const SUBJECT_NAMES = Object.keys(KINDS);

const DENO_FLAGS = [
  'run',
  '--allow-all',
  '--no-check',
  '--no-config',
  '--no-lock',
  '--no-npm',
  '--v8-flags=--expose-gc',
];

/** bun.exe is its name on every system. */
function commandOf(runtime: Kind['runtime'], node: string | undefined): readonly string[] {
  if (runtime === 'bun') return [peerFile('bun', 'bin/bun.exe'), '--no-install'];
  if (runtime === 'deno') return [peerFile('deno', 'deno'), ...DENO_FLAGS];
  return node === undefined ? [] : [node, '--expose-gc', ...TYPESCRIPT_LOADER];
}

/** What a name consists of; pure. @throws {Error} when it is none */
export function parseSubjectName(text: string): { base: string; nodeMajor?: string; dist?: string } {
  const match = /^([a-z0-9-]+)(?:@(\d+))?(?::(.+))?$/.exec(text);
  if (match === null) throw new Error(`"${text}" names no subject: expected NAME[@NODE][:DIST]`);
  const [, base, nodeMajor, dist] = match as unknown as [string, string, string | undefined, string | undefined];
  return { base, ...(nodeMajor !== undefined && { nodeMajor }), ...(dist !== undefined && { dist }) };
}

/**
 * @param text NAME[@NODE][:DIST]
 * @throws {Error} when there is no such subject
 */
export function subjectOf(text: string, surroundings: Surroundings): Subject {
  const { base, nodeMajor = surroundings.nodeMajor, dist } = parseSubjectName(text);
  const kind = KINDS[base];
  if (kind === undefined) throw new Error(`No such subject: ${base}. There are: ${SUBJECT_NAMES.join(', ')}`);
  if (dist !== undefined && !existsSync(`${dist}/index.js`)) throw new Error(`${dist} holds no build of framewright`);
  const node = nodeFile(nodeMajor);
  const absent: string[] = [];
  if (kind.runtime === undefined && node === undefined) absent.push(`Node.js ${nodeMajor}`);
  if (kind.needs !== undefined && peerVersion(kind.needs) === undefined) absent.push(kind.needs);
  return {
    name: text,
    adapter: kind.adapter,
    command: commandOf(kind.runtime, node),
    environment: {
      BENCH_PEERS: peersFolder,
      ...kind.environment,
      ...(dist !== undefined && { FRAMEWRIGHT_DIST: dist }),
    },
    isRaw: kind.isRaw ?? false,
    language: kind.language ?? 'plain',
    heapMb: surroundings.heapMb,
    missing: absent.length === 0 ? undefined : `not installed: ${absent.join(', ')}`,
  };
}

/** The same subject under another name: `ws-12bits` is `ws` with an option. */
export function subjectNamed(text: string, base: string, surroundings: Surroundings): Subject {
  return { ...subjectOf(text.replace(parseSubjectName(text).base, base), surroundings), name: text };
}

/** As `subjectOf`; a name that is no server's is an entry of the part's own table. */
export function inProcessSubjectOf(text: string, surroundings: Surroundings): Subject {
  return parseSubjectName(text).base in KINDS ? subjectOf(text, surroundings) : subjectNamed(text, 'ws', surroundings);
}

/** Without an application's objects, where memory itself is measured: their collections would take part in it. */
export function withoutHeap(subject: Subject): Subject {
  return { ...subject, heapMb: 0 };
}
