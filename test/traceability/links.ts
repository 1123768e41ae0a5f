/**
 * Relative links of the notes: every one has to lead to a file, to a heading of that page when it has a fragment, and,
 * when its text is a name in code (`parseFrame`) and its target is source, to a file in which that name still stands.
 */

import { scanCode } from '../architecture/source-scanner.ts';

export interface Link {
  readonly text: string;
  readonly target: string;
  readonly line: number;
}

/** Blanks fenced blocks, keeping the lines, so that example text is not taken for links or headings. */
function withoutFences(markdown: string): string[] {
  let fence: string | undefined;
  return markdown.split('\n').map((line) => {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
    const isFence = mark !== undefined && (fence === undefined || mark.startsWith(fence));
    if (isFence) fence = fence === undefined ? mark : undefined;
    return isFence || fence !== undefined ? '' : line;
  });
}

const INLINE_LINK = /\[((?:`[^`]*`|[^\]`])*)\]\(\s*<?([^)\s>]*)[^)]*\)/g;
const IMAGE = /<img ()[^>]*?src="([^"]*)"/g;
const LINK_DEFINITION = /^\s*\[([^\]]+)\]:\s+<?([^\s>]+)/g;

/** Links to places in this repository: `[text](target)`, `[label]: target` and `<img src="target">` whose target has no scheme. */
export function findRelativeLinks(markdown: string): Link[] {
  return withoutFences(markdown).flatMap((line, index) =>
    [INLINE_LINK, IMAGE, LINK_DEFINITION]
      .flatMap((pattern) => [...line.matchAll(pattern)])
      .map((match) => ({ text: match[1]!, target: match[2]!, line: index + 1 }))
      .filter(({ target }) => !/^[a-z][a-z\d+.-]*:/i.test(target)),
  );
}

/** The fragments by which a page's headings can be reached, as GitHub forms them. */
export function findAnchors(markdown: string): Set<string> {
  const lines = withoutFences(markdown);
  const headings = lines.flatMap((line) => /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1] ?? []);
  const counts = new Map<string, number>();
  const slugs = headings.map((heading) => {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
  const named = lines.flatMap((line) => [...line.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id!));
  return new Set([...slugs, ...named]);
}

function resolvePath(from: string, target: string): string {
  const base = new URL(from, 'file:///');
  return decodeURIComponent(new URL(target, base).pathname.slice(1));
}

/**
 * What is wrong with the relative links of one page. `page` and the paths given to `readFile` count from the
 * repository's root; `readFile` returns `undefined` for what does not exist and `''` for a folder.
 */
export function findLinkFaults(
  page: string,
  markdown: string,
  readFile: (path: string) => string | undefined,
): string[] {
  return findRelativeLinks(markdown).flatMap(({ text, target, line }) => {
    const [file, fragment] = target.split('#', 2) as [string, string?];
    const path = file === '' ? page : resolvePath(page, file);
    const content = file === '' ? markdown : readFile(path);
    if (content === undefined) return [`${page}:${line}: ${target} leads nowhere`];
    if (fragment !== undefined && !findAnchors(content).has(fragment)) {
      return [`${page}:${line}: ${path} has no heading #${fragment}`];
    }
    const name = /^`([A-Za-z_$][\w$]*)`$/.exec(text)?.[1];
    const isSource = /^src\/.*\.tsx?$/.test(path);
    if (name === undefined || !isSource || scanCode(content).some((t) => t.kind === 'word' && t.text === name))
      return [];
    return [`${page}:${line}: ${path} no longer speaks of ${name}`];
  });
}
