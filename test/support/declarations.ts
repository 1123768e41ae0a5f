/**
 * The declarations of the package: those that tsc has written, without those that no entry leads to, shorter, and for all
 * versions of TypeScript. It knows them as text, by their paths.
 */

import { posix } from 'node:path';
import { parseSync } from 'rolldown/utils';

/** These nobody reads who does not read src: they go without comments. */
const INTERNAL =
  /^(transport\/(?!diagnostics)|memory|handshake|deflate|socket\/(emitter|message-hold)|options\/(option-|ws-names)|server\/acceptance|ws-compat\/private-surface|web\/web-idl|client\/(address|client-handshake|connector|dial|proxy)|conformance\/(?!index|case\.|suite|fuzzing-server|json-report|verdict))/;

const COMMENT = /\/\*\*[\s\S]*?\*\//g;
const LINES_OF_COMMENT = /^\s*\/\*\*[\s\S]*?\*\/\n/gm;
/** Of such members, declarations have the names alone. */
const COMMENT_OF_PRIVATE_MEMBER = /^\t\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n(?=\tprivate )/gm;
/** Generic since TypeScript 5.7; without its parameter it means as much and older ones take it. */
const GENERIC_BYTES = /\b(\w*Array|ArrayBufferView|DataView|Buffer)<(ArrayBuffer|ArrayBufferLike)>/g;

/**
 * @param files what tsc has written, by their paths
 * @param entries paths of those whose exports are the package's
 * @returns those that the entries need, by their paths
 */
export function finishDeclarations(files: ReadonlyMap<string, string>, entries: readonly string[]) {
  const pieces = new Map([...files].map(([path, text]) => [path, takeApart(path, text)]));
  const inUse = findThoseInUse(pieces, entries);
  const finished = new Map<string, string>();
  for (const [path, all] of pieces) {
    const own = all.filter((piece) => inUse.has(piece));
    if (own.length === 0) continue;
    const kept = own.filter(({ whole }) => whole === undefined || pieces.get(whole)?.some((piece) => inUse.has(piece)));
    const text = `${joinPieces(kept).join('\n')}\n`
      // An `import x = y` may name a type only where that has not been exported as `export type`.
      .replaceAll('export type {', 'export {')
      .replace(GENERIC_BYTES, '$1')
      .replace(/^( {4})+/gm, ({ length }) => '\t'.repeat(length / 4))
      .replace(INTERNAL.test(path) ? LINES_OF_COMMENT : COMMENT_OF_PRIVATE_MEMBER, '');
    // What has lost its exports is a module still.
    finished.set(path, /^(import|export)\b/m.test(text) ? text : `${text}export {};\n`);
  }
  return finished;
}

/** What is kept or left out as one: a declaration, or one name in an import or in a list of exports. */
interface Piece {
  readonly path: string;
  /** As its own file names it. */
  readonly names: readonly string[];
  /** As other files name it. What has neither is needed as soon as its file is. */
  readonly exports: readonly string[];
  /** What it names in its own file, as words. */
  readonly words: readonly string[];
  /** What it needs of other files, by path and name; all exports by `*`. */
  readonly needs: readonly (readonly [path: string, name: string])[];
  /** Of `import 'path'` and `export * from 'path'`. */
  readonly whole: string | undefined;
  readonly code: string;
  /** `import type {`, the name, and `} from 'path';`, of pieces that are written as one statement when they are kept. */
  readonly list: readonly [head: string, item: string, tail: string] | undefined;
}

const ALL = '*';
type Node = ReturnType<typeof parseSync>['program']['body'][number];

function takeApart(path: string, source: string): Piece[] {
  const resolve = (target: string) =>
    target.startsWith('.') ? posix.join(posix.dirname(path), target.replace(/\.ts$/, '.d.ts')) : target;
  const piece = (code: string, more: Partial<Piece>): Piece => ({
    ...{ path, code, names: [], exports: [], words: [], needs: [], whole: undefined, list: undefined },
    ...more,
  });
  let end = 0;
  return parseSync('file.d.ts', source, { lang: 'dts' }).program.body.flatMap((node): Piece[] => {
    // The first of two comments is about the file.
    const comment = source.slice(end, node.start).match(COMMENT)?.at(-1);
    const code = source.slice(node.start, node.end);
    end = node.end;
    if (node.type === 'ExportAllDeclaration' || (node.type === 'ImportDeclaration' && node.specifiers.length === 0)) {
      const whole = resolve(node.source.value);
      return [piece(code, { whole, exports: node.type === 'ExportAllDeclaration' ? [ALL] : [] })];
    }
    if (node.type === 'ImportDeclaration' || (node.type === 'ExportNamedDeclaration' && node.declaration === null)) {
      const target = node.source === null ? undefined : resolve(node.source.value);
      return node.specifiers.map((specifier) => {
        const list = splitList(code, source.slice(specifier.start, specifier.end));
        const local = nameOf(specifier.local);
        if (specifier.type === 'ExportSpecifier') {
          const own = target === undefined ? { words: [local] } : { needs: [[target, local] as const] };
          return piece(code, { exports: [nameOf(specifier.exported)], list, ...own });
        }
        const name = specifier.type === 'ImportSpecifier' ? nameOf(specifier.imported) : ALL;
        return piece(code, { names: [local], needs: [[target!, name]], list });
      });
    }
    const names = namesOf(node);
    const needs = [...code.matchAll(/import\(["'](\.[^"']*)["']\)\.(\w+)/g)].map(([, target, name]) => {
      return [resolve(target!), name!] as const;
    });
    const isExported = node.type === 'ExportNamedDeclaration';
    const words = [...new Set(code.replace(COMMENT, '').match(/[A-Za-z_$][\w$]*/g))];
    const text = comment === undefined ? code : `${comment}\n${code}`;
    return [piece(text, { names, exports: isExported ? names : [], words, needs })];
  });
}

const nameOf = (name: { name?: string; value?: string }): string => (name.name ?? name.value)!;

/** What a statement declares in its file. */
function namesOf(node: Node): string[] {
  if (node.type === 'TSModuleDeclaration' && node.kind !== 'namespace') return [];
  const declaration = node.type === 'ExportNamedDeclaration' ? node.declaration! : node;
  if (declaration.type === 'VariableDeclaration') {
    return declaration.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []));
  }
  return 'id' in declaration && declaration.id?.type === 'Identifier' ? [declaration.id.name] : [];
}

function splitList(code: string, item: string): Piece['list'] {
  const found = /^([^{]*\{)[^}]*(\}.*)$/s.exec(code);
  return found === null || item.startsWith('*') ? undefined : [found[1]!, item, found[2]!];
}

/** The statements of a file. */
function joinPieces(pieces: readonly Piece[]): string[] {
  const items = new Map<string, string[]>();
  for (const { code, list } of pieces) {
    const key = list === undefined ? code : `${list[0]}${list[2]}`;
    items.set(key, [...(items.get(key) ?? []), list?.[1] ?? '']);
  }
  return [...items].map(([code, names]) => (names[0] === '' ? code : code.replace('{}', `{ ${names.join(', ')} }`)));
}

function findThoseInUse(pieces: ReadonlyMap<string, readonly Piece[]>, entries: readonly string[]): Set<Piece> {
  const inUse = new Set<Piece>();
  const asked = new Set<string>();
  const need = (path: string, name: string): void => {
    if (asked.has(`${path} ${name}`)) return;
    asked.add(`${path} ${name}`);
    for (const piece of pieces.get(path) ?? []) {
      const { exports, names, whole } = piece;
      const isAsked = name === ALL ? exports.length > 0 : exports.includes(name);
      const isAlways = exports.length === 0 && names.length === 0;
      if (isAsked || isAlways || exports[0] === ALL) use(piece);
      if (whole !== undefined) need(whole, exports[0] === ALL ? name : '');
    }
  };
  const use = (piece: Piece): void => {
    if (inUse.has(piece)) return;
    inUse.add(piece);
    for (const [path, name] of piece.needs) need(path, name);
    for (const other of pieces.get(piece.path)!) if (other.names.some((name) => piece.words.includes(name))) use(other);
  };
  for (const path of entries) need(path, ALL);
  return inUse;
}
