/**
 * The programs on a page of the guide. A block of ```js or ```ts that imports something begins a program; one that imports
 * nothing goes on with the program above it. It knows pages as text.
 */

export interface Program {
  /** Where its first line stands: `draining.md:12`. */
  readonly place: string;
  readonly language: 'js' | 'ts';
  readonly source: string;
  /** What it has to print, in this order: what its comments `// prints …` say. */
  readonly prints: readonly string[];
  /** The ports that it listens on, as the page has them. */
  readonly listensOn: readonly string[];
}

/** Ports as pages have them; tests exchange them for free ones. */
export const PAGE_PORT = /\b80\d\d\b/g;

const IMPORT = /^import\b/m;
const LISTENING = /\bport: (80\d\d)\b|\.listen\((80\d\d)\b/g;

/** @throws {Error} at a block without a beginning or an end */
export function readPrograms(page: string, markdown: string): Program[] {
  const programs: { line: number; language: 'js' | 'ts'; source: string }[] = [];
  let block: { line: number; language: 'js' | 'ts'; lines: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (block === undefined) {
      const language = /^\s*```(js|ts)\b/.exec(line)?.[1] as 'js' | 'ts' | undefined;
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
  return programs.map(({ line, language, source }) => ({
    place: `${page}:${line}`,
    language,
    source,
    prints: [...source.matchAll(/\/\/ prints (.*)$/gm)].map(([, said]) => said!),
    listensOn: [...source.matchAll(LISTENING)].map(([, option, argument]) => (option ?? argument)!),
  }));
}
