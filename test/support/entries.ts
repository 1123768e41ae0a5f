/** The entries of the package: their names in `exports`, and what each is made of. */

interface Entry {
  /** Below the root of the checkout. */
  readonly source: string;
  /** Where its types come from, when that is another file. */
  readonly types?: string;
}

export const ENTRIES: Readonly<Record<string, Entry>> = {
  '.': { source: 'src/index.ts' },
  './protocol': { source: 'src/protocol/index.ts' },
  './conformance': { source: 'src/conformance/index.ts' },
  './inspector': { source: 'src/inspector/index.ts' },
  './web': { source: 'src/web/index.ts' },
  './realtime': { source: 'src/realtime/index.ts' },
  './redis': { source: 'src/engines/redis/index.ts' },
  './sse': { source: 'src/sse/index.ts' },
  './client': { source: 'src/live/node.ts', types: 'src/live/index.ts' },
  './react': { source: 'src/react/index.ts' },
};
