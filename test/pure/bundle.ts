/** The vectors and what they test, in one script. */

import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { build } from 'rolldown';

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Of the modules in `src`, in place of those of the package. */
export const SOURCE = {
  alias: {
    'framewright/protocol': pathOf('../../src/protocol/index.ts'),
    'framewright/inspector': pathOf('../../src/inspector/index.ts'),
  },
};

interface Resolution {
  readonly alias?: Readonly<Record<string, string>>;
  /** Names of conditions in `exports` of package.json, besides `default`. */
  readonly conditionNames?: readonly string[];
}

/** @throws {Error} when something in it would have to come from Node */
export async function bundleVectors(
  { alias = {}, conditionNames = [] }: Resolution,
  format: 'iife' | 'esm' = 'iife',
): Promise<string> {
  const { output } = await build({
    input: pathOf('entry.mjs'),
    logLevel: 'silent',
    platform: 'neutral',
    external: /^node:|^rolldown/,
    resolve: { alias, conditionNames: [...conditionNames] },
    output: { format },
    write: false,
  });
  const [{ code, imports }] = output;
  if (imports.length > 0) throw new Error(`the bundle needs ${imports.join(', ')}`);
  return code;
}

export interface VectorReport {
  readonly comparisons: number;
  readonly faults: readonly string[];
}

/** So that a report about nothing is none. */
export const MIN_COMPARISONS = 100;

/** Runs a bundle where there are only the objects of the language, and what every web-like runtime has. */
export function runIsolated(code: string): VectorReport {
  const isolate: { TextDecoder: object; report?: VectorReport } = { TextDecoder };
  runInNewContext(code, isolate);
  return JSON.parse(JSON.stringify(isolate.report)) as VectorReport;
}
