/**
 * The programs on a page of the guide. A block of ```js, ```ts or ```tsx that imports something begins a program; one that
 * imports nothing goes on with the program above it. A program may have a name, in a comment at its head: `// protocol.ts`;
 * others on the page import it by that. It knows pages as text.
 */

export interface Program {
  /** `draining.md`. */
  readonly page: string;
  /** Where its first line stands: `draining.md:12`. */
  readonly place: string;
  readonly language: Language;
  readonly source: string;
  /** `protocol.ts`, of what others on the page import: that is not run by itself. */
  readonly module: string | undefined;
  /** What it has to print, in this order: what its comments `// prints …` say. */
  readonly prints: readonly string[];
  /** The ports that it listens on, as the page has them. */
  readonly listensOn: readonly string[];
}

export type Language = 'js' | 'ts' | 'tsx';

/** Ports as pages have them; tests exchange them for free ones. */
export const PAGE_PORT = /\b80\d\d\b/g;

const IMPORT = /^import\b/m;
const RELATIVE_IMPORT = /^(?:import|\}).*\bfrom '\.\/([^']+)'/gm;
const NAME = /^\/\/ ([\w-]+\.(?:js|ts|tsx))\b/;
const LISTENING = /\bport: (80\d\d)\b|\.listen\((80\d\d)\b/g;

/** @throws {Error} at a block without a beginning or an end, and at an import of what is not on the page */
export function readPrograms(page: string, markdown: string): Program[] {
  const programs: { line: number; language: Language; source: string }[] = [];
  let block: { line: number; language: Language; lines: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (block === undefined) {
      const language = /^\s*```(js|tsx?)\b/.exec(line)?.[1] as Language | undefined;
      if (language !== undefined) block = { line: index + 1, language, lines: [] };
      continue;
    }
    if (!/^\s*```\s*$/.test(line)) {
      block.lines.push(line);
      continue;
    }
    const source = `${block.lines.join('\n')}\n`;
    const above = programs.at(-1);
    if (IMPORT.test(source)) programs.push({ ...block, source });
    else if (above === undefined) throw new Error(`${page}:${block.line}: the first program imports nothing`);
    else if (above.language !== block.language) throw new Error(`${page}:${block.line}: goes on in another language`);
    else above.source += source;
    block = undefined;
  }
  if (block !== undefined) throw new Error(`${page}:${block.line}: the block never ends`);
  const imported = new Set(
    programs.flatMap(({ source }) => [...source.matchAll(RELATIVE_IMPORT)].map(([, name]) => name)),
  );
  const modules = programs.map(({ source }) => NAME.exec(source)?.[1]).filter((name) => imported.has(name));
  for (const name of imported) {
    const count = modules.filter((module) => module === name).length;
    if (count !== 1) throw new Error(`${page}: '${name}' is imported, and stands on the page ${count} times`);
  }
  return programs.map(({ line, language, source }) => {
    const name = NAME.exec(source)?.[1];
    return {
      page,
      place: `${page}:${line}`,
      language,
      source,
      module: imported.has(name) ? name : undefined,
      prints: [...source.matchAll(/\/\/ prints (.*)$/gm)].map(([, said]) => said!),
      listensOn: [...source.matchAll(LISTENING)].map(([, option, argument]) => (option ?? argument)!),
    };
  });
}
