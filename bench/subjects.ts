/**
 * Who is measured. A subject is named NAME[@NODE][:DIST]: `framewright`, `ws@24` (on Node.js 24), `framewright:/other/dist`
 * (another build of it). The table holds what the names mean.
 */

import { existsSync } from 'node:fs';
import { peerFile, peersFolder, peerVersion } from './support/peers.ts';
import { type Runtime, TYPESCRIPT_LOADER } from './support/processes.ts';

export interface Subject extends Runtime {
  /** As it stands in tables. */
  readonly name: string;
  /** The file in bench/servers that starts it. */
  readonly adapter: string;
  /** Its server sends back bytes and knows nothing of WebSocket. */
  readonly isRaw: boolean;
  /** What its clients speak: see load/room.ts. */
  readonly language: string;
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
  'framewright-transient': { adapter: 'framewright-transient' },
  'framewright-trial': { adapter: 'framewright-trial' },
  'framewright-net-trial': { adapter: 'framewright-net-trial' },
  'ws-trial': { adapter: 'ws-trial', needs: 'bufferutil' },
  'framewright-room': { adapter: 'framewright-room' },
  'framewright-hub': { adapter: 'framewright-hub', language: 'hub' },
  'socket-io': { adapter: 'socket-io', needs: 'socket.io', language: 'socket.io' },
  net: { adapter: 'net', isRaw: true },
  ws: { adapter: 'ws', needs: 'bufferutil' },
  'ws-nobu': { adapter: 'ws', needs: 'ws', environment: { WS_NO_BUFFER_UTIL: '1' } },
  websocket: { adapter: 'websocket', needs: 'websocket' },
  faye: { adapter: 'faye', needs: 'faye-websocket' },
  bun: { adapter: 'bun', runtime: 'bun', needs: 'bun' },
  deno: { adapter: 'deno', runtime: 'deno', needs: 'deno' },
};

export const SUBJECT_NAMES = Object.keys(KINDS);

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
function commandOf(runtime: Kind['runtime'], nodeMajor: string | undefined): readonly string[] {
  if (runtime === 'bun') return [peerFile('bun', 'bin/bun.exe'), '--no-install'];
  if (runtime === 'deno') return [peerFile('deno', 'deno'), ...DENO_FLAGS];
  const node = nodeMajor === undefined ? process.execPath : peerFile(`node-${nodeMajor}`, 'bin/node');
  return [node, '--expose-gc', ...TYPESCRIPT_LOADER];
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
export function subjectOf(text: string): Subject {
  const { base, nodeMajor, dist } = parseSubjectName(text);
  const kind = KINDS[base];
  if (kind === undefined) throw new Error(`No such subject: ${base}. There are: ${SUBJECT_NAMES.join(', ')}`);
  if (dist !== undefined && !existsSync(`${dist}/index.js`)) throw new Error(`${dist} holds no build of framewright`);
  const packages = [kind.needs, nodeMajor && `node-${nodeMajor}`].filter((name) => name !== undefined);
  const absent = packages.filter((name) => peerVersion(name) === undefined);
  return {
    name: text,
    adapter: kind.adapter,
    command: commandOf(kind.runtime, nodeMajor),
    environment: {
      BENCH_PEERS: peersFolder,
      ...kind.environment,
      ...(dist !== undefined && { FRAMEWRIGHT_DIST: dist }),
    },
    isRaw: kind.isRaw ?? false,
    language: kind.language ?? 'plain',
    missing: absent.length === 0 ? undefined : `not installed: ${absent.join(', ')}`,
  };
}

/** As `subjectOf`; a name that is no server's is an entry of the part's own table. */
export function inProcessSubjectOf(text: string): Subject {
  const { base } = parseSubjectName(text);
  return base in KINDS ? subjectOf(text) : { ...subjectOf(text.replace(base, 'ws')), name: text };
}
