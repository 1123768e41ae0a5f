/**
 * Who may import whom in `src`, as one table, and the pure check of a set of files against it. It knows files as text
 * and paths; reading them from disk is the test's business.
 */

import { findImports, type ImportSpecifier, scanCode } from './source-scanner.ts';

export interface SourceFile {
  /** Path below `src`, with slashes: `protocol/frame-parser.ts`. */
  readonly path: string;
  readonly text: string;
}

/** Units without I/O: they import no `node:` module and no package, and name no `Buffer`, `process` or `require`. */
const PURE_UNITS = [
  'protocol/whole-number',
  'protocol',
  'handshake',
  'deflate/negotiate',
  'inspector',
  'realtime-protocol',
  'engines/engine',
  'engines/log',
  'engines/recent-keys',
  'engines/use-order',
  'engines/memory',
  'sse/event-format',
  'live',
  'react',
];

/** These may use packages of npm; everything else in `src` has no dependencies at all. */
const UNITS_WITH_PACKAGES = ['playground', 'examples', 'react'];

/** A step of the one-way chain: what stands there may import its own unit and all units of the steps before it. */
const CHAIN: readonly (readonly string[])[] = [
  ['protocol/whole-number'],
  ['protocol'],
  ['handshake'],
  ['deflate/negotiate'],
  ['memory'],
  ['options'],
  ['deflate'],
  ['transport'],
  ['client'],
  ['socket'],
  ['admission'],
  ['server'],
  ['web', 'diagnostics'],
  ['ws-compat'],
  ['realtime-protocol'],
  ['engines/engine'],
  ['engines/log', 'engines/recent-keys', 'engines/use-order'],
  ['engines/memory'],
  ['engines/cluster'],
  ['sse/event-format'],
  ['sse'],
  ['realtime'],
];

/** What frames and handshakes are, for those who show them. */
const CORE = ['protocol/whole-number', 'protocol', 'handshake', 'deflate/negotiate'];

const ANYTHING = Symbol('may import every unit');
const ENTRY_POINTS = Symbol('may import its own unit and the entry points of the package');

type Reach = readonly string[] | typeof ANYTHING | typeof ENTRY_POINTS;

const REACH: ReadonlyMap<string, Reach> = new Map<string, Reach>([
  ...CHAIN.flatMap((units, step) =>
    units.map((unit): [string, Reach] => [unit, [...CHAIN.slice(0, step).flat(), unit]]),
  ),
  [
    'index',
    CHAIN.slice(
      0,
      CHAIN.findIndex((units) => units.includes('realtime-protocol')),
    ).flat(),
  ],
  // What runs in pages as well knows nothing of the core, but what a whole number is.
  ['realtime-protocol', ['protocol/whole-number', 'realtime-protocol']],
  ['engines/engine', ['realtime-protocol', 'engines/engine']],
  ['engines/log', ['engines/engine', 'engines/log']],
  ['engines/recent-keys', ['engines/engine', 'engines/recent-keys']],
  ['engines/use-order', ['engines/use-order']],
  [
    'engines/memory',
    [
      'protocol/whole-number',
      'realtime-protocol',
      'engines/engine',
      'engines/log',
      'engines/recent-keys',
      'engines/use-order',
      'engines/memory',
    ],
  ],
  ['engines/redis', ['options', 'realtime-protocol', 'engines/engine', 'engines/redis']],
  ['sse/event-format', ['protocol/whole-number', 'sse/event-format']],
  ['live', ['protocol/whole-number', 'realtime-protocol', 'sse/event-format', 'live']],
  [
    'live/node',
    [
      ...CHAIN.slice(0, CHAIN.findIndex((units) => units.includes('web')) + 1).flat(),
      'realtime-protocol',
      'live',
      'live/node',
    ],
  ],
  ['react', ['realtime-protocol', 'live', 'react']],
  ['inspector', [...CORE, 'inspector']],
  ['playground', [...CORE, 'inspector', 'playground']],
  ['conformance', [...CORE, 'transport', 'inspector', 'conformance']],
  ['cli', ANYTHING],
  ['examples', ENTRY_POINTS],
]);

const FORBIDDEN_IN_PURE_CODE = ['Buffer', 'process', 'require'];

/** Files and folders that stand on a step of their own, apart from the others of their folder. */
const FILE_UNITS = [
  'index',
  'protocol/whole-number',
  'deflate/negotiate',
  'engines/engine',
  'engines/log',
  'engines/recent-keys',
  'engines/use-order',
  'engines/memory',
  'engines/cluster',
  'engines/redis',
  'sse/event-format',
  'live/node',
];

function unitOf(path: string): string {
  const name = path.replace(/\.ts$/, '');
  const own = FILE_UNITS.find((unit) => name === unit || name.startsWith(`${unit}/`));
  return own ?? path.slice(0, Math.max(0, path.indexOf('/')));
}

/** The path below `src` that a relative specifier names, or `undefined` when it leaves `src`. */
function resolveRelative(from: string, specifier: string): string | undefined {
  const steps = from.split('/').slice(0, -1);
  for (const step of specifier.replace(/[?#].*$/, '').split('/')) {
    if (step === '.') continue;
    if (step !== '..') steps.push(step);
    else if (steps.pop() === undefined) return undefined;
  }
  return steps.join('/');
}

function findSpecifierFault(
  path: string,
  { specifier, kind }: ImportSpecifier,
  entryPoints: readonly string[],
): string | undefined {
  const unit = unitOf(path);
  const reach = REACH.get(unit)!;
  if (specifier === undefined) {
    return unit === 'cli' ? undefined : `loads a module by a computed ${kind === 'require' ? 'require' : 'import'}()`;
  }
  if (specifier.startsWith('node:')) {
    return PURE_UNITS.includes(unit) ? `imports '${specifier}', but ${unit} runs without Node` : undefined;
  }
  if (!specifier.startsWith('.')) {
    return UNITS_WITH_PACKAGES.includes(unit)
      ? undefined
      : `imports the package '${specifier}', but src has no dependencies (Node's own modules need 'node:')`;
  }
  const target = resolveRelative(path, specifier);
  if (target === undefined) return `imports '${specifier}', which lies outside src`;
  if (reach === ANYTHING) return undefined;
  const mayReach =
    reach === ENTRY_POINTS ? unitOf(target) === unit || entryPoints.includes(target) : reach.includes(unitOf(target));
  const allowed = reach === ENTRY_POINTS ? `itself and the entry points (${entryPoints.join(', ')})` : reach.join(', ');
  return mayReach ? undefined : `imports '${specifier}', but ${unit} may import only: ${allowed}`;
}

function findFileFaults(file: SourceFile, imports: readonly ImportSpecifier[], entryPoints: readonly string[]) {
  const unit = unitOf(file.path);
  if (!REACH.has(unit)) return [`${file.path}: '${unit}' is no unit of the table in import-rules.ts`];
  const faults = imports.flatMap((found) => {
    const fault = findSpecifierFault(file.path, found, entryPoints);
    return fault === undefined ? [] : [`${file.path}:${found.line}: ${fault}`];
  });
  if (!PURE_UNITS.includes(unit)) return faults;
  const names = scanCode(file.text).filter((t) => t.kind === 'word' && FORBIDDEN_IN_PURE_CODE.includes(t.text));
  return [...faults, ...names.map((t) => `${file.path}:${t.line}: names '${t.text}', but ${unit} runs without Node`)];
}

/** Cycles among files, each reported once. Every import counts: who needs a file's types cannot be read without it either. */
function findCycles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const cycles: string[] = [];
  const finished = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      cycles.push(`import cycle: ${[...trail.slice(start), path].join(' -> ')}`);
      return;
    }
    if (finished.has(path)) return;
    trail.push(path);
    for (const next of edges.get(path) ?? []) visit(next);
    trail.pop();
    finished.add(path);
  };
  for (const path of edges.keys()) visit(path);
  return cycles;
}

/**
 * Everything in `files` that breaks the table, one line each; an empty array when all is well.
 * `entryPoints` are the paths below `src` that `exports` of package.json publishes; examples live on them alone.
 */
export function findArchitectureFaults(files: readonly SourceFile[], entryPoints: readonly string[]): string[] {
  const edges = new Map<string, string[]>();
  const faults = files.flatMap((file) => {
    const imports = findImports(file.text);
    const relative = imports.filter((i) => i.specifier?.startsWith('.'));
    edges.set(
      file.path,
      relative.flatMap((i) => resolveRelative(file.path, i.specifier!) ?? []),
    );
    return findFileFaults(file, imports, entryPoints);
  });
  return [...faults, ...findCycles(edges)];
}

/** For each unit the others that its files import, types and dynamic imports included. */
export function findUnitImports(files: readonly SourceFile[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { path, text } of files) {
    const unit = unitOf(path);
    const targets = found.get(unit) ?? new Set();
    found.set(unit, targets);
    for (const { specifier } of findImports(text)) {
      const target = specifier?.startsWith('.') ? resolveRelative(path, specifier) : undefined;
      if (target !== undefined && unitOf(target) !== unit) targets.add(unitOf(target));
    }
  }
  return found;
}
