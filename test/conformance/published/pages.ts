/** The pages made of the published results: a table in spec-notes/conformance.md, and spec-notes/conformance.html. */

import { readFileSync, writeFileSync } from 'node:fs';
import { CASES, PROGRAM_CASES } from '../../../src/conformance/index.ts';
import { NAMESPACES } from '../../../src/conformance/programs/cases/index.ts';
import { compareCases, type PublishedResult, readResults, verdictsByCase } from './results.ts';
import { TESTEES } from './testees.ts';

const NOTES = new URL('../../../spec-notes/conformance.md', import.meta.url);
const PAGE = new URL('../../../spec-notes/conformance.html', import.meta.url);
const MARKED = /(<!-- published -->\n)[\s\S]*?(<!-- \/published -->)/;

export function writePages(): void {
  const results = inOrder(readResults());
  writeFileSync(
    NOTES,
    readFileSync(NOTES, 'utf8').replace(MARKED, (_, open, close) => `${open}${tables(results)}${close}`),
  );
  writeFileSync(PAGE, htmlPage(results));
}

/** What the pages have to be, by the results that are kept. */
export function pagesFresh(): { readonly notes: boolean; readonly page: boolean } {
  const results = inOrder(readResults());
  const [, open, close] = MARKED.exec(readFileSync(NOTES, 'utf8')) ?? [];
  const notes = readFileSync(NOTES, 'utf8').includes(`${open}${tables(results)}${close}`);
  return { notes, page: readFileSync(PAGE, 'utf8') === htmlPage(results) };
}

function inOrder(results: readonly PublishedResult[]): PublishedResult[] {
  return TESTEES.flatMap(({ id }) => results.filter((result) => result.id === id));
}

// ---- What is counted ----------------------------------------------------------------------------------------------

/** `12` of `12.1.3`, `H` of `H.1.2`. */
const groupOf = (id: string) => id.slice(0, id.indexOf('.'));
const SUMMARIES = new Map([...CASES, ...PROGRAM_CASES].map(({ id, summary }) => [id, summary]));

interface Count {
  /** Of those that were run and are about something that the testee has. */
  readonly all: number;
  /** As it should be, or only asked out of interest. */
  readonly good: number;
  /** The testee does without what the case is about, and may. */
  readonly without: number;
  /** NON-STRICT: a fault is noticed, but late; of a group with a letter, something is not as a clause has it with SHOULD. */
  readonly late: number;
}

function count(result: PublishedResult, isCounted: (id: string) => boolean): Count {
  const verdicts = [...verdictsByCase(result)].filter(([id]) => isCounted(id)).map(([, verdict]) => verdict);
  const having = (pattern: RegExp) => verdicts.filter((verdict) => pattern.test(verdict)).length;
  const without = having(/^UNIMPLEMENTED/);
  return {
    all: verdicts.length - without,
    good: having(/^(OK$|INFORMATIONAL)/),
    without,
    late: having(/^NON-STRICT [/] OK$/),
  };
}

function inWords({ all, good, without, late }: Count, [wordLate, wordNot]: Part['words']): string {
  if (all === 0) return without > 0 ? 'none' : '–';
  if (good === all) return `all ${all}`;
  const failed = all - good - late;
  const words = [`${good} of ${all}`];
  if (failed > 0) words.push(`${failed} ${wordNot}`);
  if (late > 0) words.push(`${late} ${wordLate}`);
  return words.join(', ');
}

// ---- Markdown -----------------------------------------------------------------------------------------------------

interface Part {
  readonly title: string;
  readonly isOfIt: (id: string) => boolean;
  /** For what is NON-STRICT, and for what is worse. */
  readonly words: readonly [late: string, not: string];
}

/** What has been run, of these. */
const PARTS: readonly Part[] = [
  { title: '1 to 10', isOfIt: (id) => /^([1-9]|10)\./.test(id), words: ['late', 'not'] },
  { title: '12, 13', isOfIt: (id) => /^1[23]\./.test(id), words: ['late', 'not'] },
  { title: 'letters', isOfIt: (id) => /^[A-Z]/.test(id), words: ['SHOULD', 'MUST'] },
];

function tables(results: readonly PublishedResult[]): string {
  const parts = PARTS.filter(({ isOfIt }) => results.some((result) => count(result, isOfIt).all > 0));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const table = (role: 'server' | 'client') => {
    const head = [role, 'version', 'runs in', ...parts.map(({ title }) => title), 'date'];
    const rows = results
      .filter((result) => result.role === role)
      .map((result) => {
        const counts = parts.map(({ isOfIt, words }) => inWords(count(result, isOfIt), words));
        return line([result.name, result.version, result.platform, ...counts, result.date]);
      });
    return [line(head), line(head.map(() => '---')), ...rows, ''];
  };
  return [...table('server'), ...table('client')].join('\n');
}

// ---- HTML ---------------------------------------------------------------------------------------------------------

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #cf222e; --some: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #f85149; --some: #d29922; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 84rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: .2rem .4rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child, td.text { text-align: left; }
td.good { color: var(--good); } td.bad { color: var(--bad); } td.late { color: var(--some); } td.none { color: #888; }
table { font-size: .9rem; }
h3 { margin: 2rem 0 0; } code { overflow-wrap: anywhere; }
dt { font-weight: 600; margin-top: .6rem; } dd { margin: 0; }
dd span { margin-right: .6rem; }
summary { cursor: pointer; }
`;

const escapeHtml = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

function htmlPage(results: readonly PublishedResult[]): string {
  const servers = results.filter(({ role }) => role === 'server');
  const clients = results.filter(({ role }) => role === 'client');
  const ids = new Set(results.flatMap((result) => [...verdictsByCase(result).keys()]));
  const numbers = [...new Set([...ids].sort(compareCases).map(groupOf))].filter((group) => /^\d/.test(group));
  const letters = Object.keys(NAMESPACES).filter((letter) => [...ids].some((id) => groupOf(id) === letter));
  const groups = [...numbers, ...letters];
  const dates = [...new Set(results.map(({ date }) => date))].sort();
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>WebSocket conformance: servers and clients</title>
<style>${STYLE}</style>
<body>
<h1>WebSocket conformance</h1>
<p>What <code>framewright conformance</code> says of servers and clients that people use: ${results.length} of them,
run on ${dates.join(', ')}. Groups 1 to 13 are the cases of the Autobahn test suite, with its numbers, scripts and verdicts. Groups with
letters are framewright's own: ${Object.entries(NAMESPACES)
    .map(([letter, title]) => `${letter}, ${title}`)
    .join('; ')}.
Of groups 12 and 13 two sizes of each subgroup were run. Each testee is an echo of a few lines, with the settings named below and no
others.</p>
<p>A cell has the number of cases that are as they should be, of those that were run and are about something that the testee has
(compression is no duty); closing counts. Amber: a fault is noticed, but
later than it could be; in a group with a letter, a clause is not kept that says SHOULD, or that leaves the peer free to refuse.
<em>none</em>: it does without what the group is about. –: not run. A case that is not OK was run three
times, and the best counts. The verdicts were written down by the runner; the notes say <a href="conformance.md">what is judged</a>, and
<a href="conformance-cases.md">what the cases with letters are</a>.</p>
<h2>Servers</h2>
${overview(servers, groups)}
<h2>Clients</h2>
${overview(clients, groups)}
<h2>Each by itself</h2>
${results.map(details).join('\n')}
</body>
</html>
`;
}

function overview(results: readonly PublishedResult[], groups: readonly string[]): string {
  const head = ['', 'version', 'runs in', ...groups].map((title) => `<th>${title}</th>`).join('');
  const rows = results.map((result) => {
    const cells = groups.map((group) => cell(count(result, (id) => groupOf(id) === group)));
    const name = `<a href="#${result.id}">${escapeHtml(result.name)}</a>`;
    const facts = [result.version, result.platform].map((fact) => `<td class="text">${escapeHtml(fact)}</td>`);
    return `<tr><td>${name}</td>${facts.join('')}${cells.join('')}</tr>`;
  });
  return `<div class="scroll"><table>\n<tr>${head}</tr>\n${rows.join('\n')}\n</table></div>`;
}

function cell({ all, good, without, late }: Count): string {
  if (all === 0) return `<td class="none">${without > 0 ? 'none' : '–'}</td>`;
  if (good === all) return `<td class="good">${all}</td>`;
  return `<td class="${good + late === all ? 'late' : 'bad'}">${good}/${all}</td>`;
}

function details(result: PublishedResult): string {
  const { id, name, version, platform, role, install, settings, program, date, verdicts } = result;
  const facts = [
    ['from', `<code>${escapeHtml(install)}</code>, ${escapeHtml(platform)}`],
    ['settings', escapeHtml(settings)],
    ['program', `<a href="../test/conformance/testees/${program}">${program}</a>`],
    ['again', `<code>npm run conformance:publish -- ${id}</code>`],
  ].map(([title, value]) => `<dt>${title}</dt><dd>${value}</dd>`);
  const others = Object.entries(verdicts)
    .filter(([verdict]) => verdict !== 'OK')
    .map(([verdict, ids]) => {
      const cases = ids.split(' ').map((one) => `<span title="${escapeHtml(SUMMARIES.get(one) ?? '')}">${one}</span>`);
      const list = `<dd>${cases.join('\n')}</dd>`;
      const title = `${verdict}: ${cases.length}`;
      // Whole groups that a testee does not have need no list.
      if (cases.length < 40) return `<dt>${title}</dt>${list}`;
      return `<dt>${title}</dt><dd><details><summary>which</summary>${cases.join('\n')}</details></dd>`;
    });
  const ok = (verdicts.OK ?? '').split(' ').filter(Boolean).length;
  return `<h3 id="${id}">${escapeHtml(name)} ${escapeHtml(version)}, ${role}</h3>
<dl>${facts.join('')}<dt>run on</dt><dd>${date}</dd><dt>OK: ${ok}</dt>${others.join('\n')}</dl>`;
}
