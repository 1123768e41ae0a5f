/** permessage-deflate (RFC 7692): what keeping contexts, smaller windows and a shared compressor cost and save. */

import { measureExchange } from './cells.ts';
import { COST, RATE, UTILISATION, WATCHED } from './figures.ts';
import type { DeflateLoad } from './load/contract.ts';
import type { Part } from './part.ts';
import { parseSubjectName, subjectNamed } from './subjects.ts';
import { formatBytes } from './support/report.ts';

interface Variant {
  /** The subject whose server runs. */
  readonly of: string;
  /** The server's option. */
  readonly deflate: unknown;
  readonly windowBits: number;
}

const NONE_KEPT = { serverNoContextTakeover: true, clientNoContextTakeover: true };
const TWELVE_BITS = { serverMaxWindowBits: 12, clientMaxWindowBits: 12, zlibDeflateOptions: { memLevel: 5 } };
const SHARED = { sharedCompressor: true };

const VARIANTS: Readonly<Record<string, Variant>> = {
  'framewright-kept': { of: 'framewright', deflate: true, windowBits: 15 },
  'framewright-12bits': { of: 'framewright', deflate: TWELVE_BITS, windowBits: 12 },
  'framewright-shared': { of: 'framewright', deflate: SHARED, windowBits: 15 },
  'framewright-none': { of: 'framewright', deflate: NONE_KEPT, windowBits: 15 },
  'ws-kept': { of: 'ws', deflate: true, windowBits: 15 },
  'ws-12bits': { of: 'ws', deflate: TWELVE_BITS, windowBits: 12 },
  'ws-none': { of: 'ws', deflate: NONE_KEPT, windowBits: 15 },
  'bun-dedicated': { of: 'bun', deflate: { compress: 'dedicated', decompress: 'dedicated' }, windowBits: 15 },
  'bun-shared': { of: 'bun', deflate: { compress: 'shared', decompress: 'shared' }, windowBits: 15 },
};

/** As browsers offer it. */
const OFFER = 'permessage-deflate; client_max_window_bits';

function variantOf(name: string): Variant {
  const variant = VARIANTS[parseSubjectName(name).base];
  if (variant === undefined)
    throw new Error(`No such subject: ${name}. There are: ${Object.keys(VARIANTS).join(', ')}`);
  return variant;
}

export const deflatePart: Part = {
  name: 'deflate',
  summary: 'compressed JSON text echoed, one message in flight on each connection',
  subjects: Object.keys(VARIANTS),
  base: 'ws-kept',
  resolve: (name, surroundings) => subjectNamed(name, variantOf(name).of, surroundings),
  figures: [COST, RATE, ...UTILISATION, ...WATCHED],
  cells: ({ timing }) =>
    [
      [1024, 50],
      [65_536, 20],
    ].map(([payloadBytes, connections]) => ({
      name: `${formatBytes(payloadBytes!)} × ${connections}`,
      measure(subject) {
        const { deflate, windowBits } = variantOf(subject.name);
        const load = { kind: 'deflate', payloadBytes, connections, offer: OFFER, windowBits } as DeflateLoad;
        return measureExchange(subject, { server: { mode: 'echo', deflate }, load }, timing);
      },
    })),
};
