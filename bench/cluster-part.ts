/**
 * All cores: one port, and a process on each core, by node:cluster or by `reusePort`, beside one process on one core. The
 * load runs on the same cores then and takes its share of them. So the rate says what a machine with as many cores does that
 * has to make its load as well; the processor time of a message says what sharing the port costs the servers.
 */

import { CORES, measureExchange, type Sharing } from './cells.ts';
import { COST, RATE, UTILISATION } from './figures.ts';
import type { Load } from './load/contract.ts';
import type { Cell, Part } from './part.ts';
import type { ServerOptions } from './servers/contract.ts';
import { parseSubjectName, subjectNamed } from './subjects.ts';

const SHARINGS: Readonly<Record<string, Sharing | undefined>> = {
  one: undefined,
  cluster: 'cluster',
  reuseport: 'reusePort',
};
const VARIANT = new RegExp(`^(.+)-(${Object.keys(SHARINGS).join('|')})$`);

/** `ws-cluster` is `ws` by node:cluster. @throws {Error} when it is no name of this part */
function variantOf(name: string): { readonly of: string; readonly sharing: Sharing | undefined } {
  const { base } = parseSubjectName(name);
  const [, of, way] = VARIANT.exec(base) ?? [];
  if (of === undefined) throw new Error(`No such subject: ${name}. A name ends in ${Object.keys(SHARINGS).join(', ')}`);
  return { of, sharing: SHARINGS[way!] };
}

/** The same in one process. */
function oneOf(name: string): string {
  const { base } = parseSubjectName(name);
  return name.replace(base, `${variantOf(name).of}-one`);
}

interface Row {
  readonly name: string;
  readonly mode: ServerOptions['mode'];
  readonly load: Load;
}

const ROWS: readonly Row[] = [
  {
    name: '16 B × 50, 16 in flight',
    mode: 'echo',
    load: { kind: 'echo', payloadBytes: 16, connections: 50, inFlight: 16 },
  },
  {
    name: '1 KiB × 50, 16 in flight, with work',
    mode: 'work',
    load: { kind: 'echo', payloadBytes: 1024, connections: 50, inFlight: 16 },
  },
  { name: 'connect, upgrade, close', mode: 'echo', load: { kind: 'connect', concurrency: 32 } },
];

export const clusterPart: Part = {
  name: 'cluster',
  summary: `one port, ${CORES} processes on ${CORES} cores beside one on one; the load shares the cores with the ${CORES}`,
  subjects: ['framewright', 'framewright-net', 'ws', 'bun'].flatMap((of) =>
    Object.keys(SHARINGS)
      .map((way) => `${of}-${way}`)
      .filter((name) => name !== 'bun-cluster'),
  ),
  base: 'ws-one',
  ownBase: oneOf,
  resolve: (name, surroundings) => subjectNamed(name, variantOf(name).of, surroundings),
  figures: [RATE, COST, UTILISATION[0]!, { key: 'serverUtilisation', title: 'servers', format: 'share' }],
  cells: ({ timing: { durationMs } }) =>
    ROWS.map(({ name, mode, load }): Cell => {
      return {
        name,
        measure(subject) {
          const exchange = { server: { mode }, load, sharing: variantOf(subject.name).sharing };
          return measureExchange(subject, exchange, { warmUpMs: durationMs, durationMs });
        },
      };
    }),
};
