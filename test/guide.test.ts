/**
 * The guide of spec-notes, executed: its programs are checked by tsc, and each runs as it stands on its page. Only their
 * ports are exchanged for free ones. Each rule is shown to bite by a breach written for it.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPrograms } from './guide/programs.ts';
import { findPorts, Stage } from './guide/stage.ts';

const folder = new URL('../spec-notes/guide/', import.meta.url);
const PAGES = readdirSync(folder)
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, markdown: readFileSync(new URL(name, folder), 'utf8') }));

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.set();
});
afterAll(() => stage.strike());

describe('the guide', () => {
  it('every program in it passes tsc', async () => {
    expect(await stage.check(PAGES.flatMap(({ name, markdown }) => readPrograms(name, markdown)))).toEqual([]);
  });

  it.concurrent.each(PAGES.filter(({ name }) => name !== FOLLOWED))(
    'the programs of $name run, complain of nothing, and print what it says',
    async ({ name, markdown }) => stage.play(readPrograms(name, markdown), await findPorts(markdown)),
  );

  it('every topic is told in the same order, and no program stands in a block that is not run', () => {
    const topics = PAGES.filter(({ name }) => !WITHOUT_FORM.includes(name));
    expect(topics.flatMap(({ name, markdown }) => findFaultsOfForm(name, markdown))).toEqual([]);
  });

  it('its index, and the reading order of spec-notes, have every page', () => {
    const index = PAGES.find(({ name }) => name === 'README.md')!.markdown;
    const readingOrder = readFileSync(new URL('../README.md', folder), 'utf8');
    const topics = PAGES.map(({ name }) => name).filter((name) => name !== 'README.md');
    expect(topics.filter((name) => !index.includes(`](${name})`))).toEqual([]);
    expect(topics.filter((name) => !readingOrder.includes(`](guide/${name})`))).toEqual([]);
  });
});

/** Its commands and files are followed, as they stand, by test/browser/first-chat.browser.ts. */
const FOLLOWED = 'first-chat.md';
/** These tell of no single topic. */
const WITHOUT_FORM = ['README.md', 'decide.md', 'first-chat.md', 'from-socket.io.md', 'socket.io-on-framewright.md'];
/** Of blocks; programs are in the first three, and all of those are run. */
const LANGUAGES = ['js', 'ts', 'tsx', 'sh', 'yaml', 'text', 'html'];
const PARTS = [/^```(js|tsx?)$/m, /^## What happens when$/m, /^## What .+ users wrote before$/m];

function findFaultsOfForm(name: string, markdown: string): string[] {
  const places = PARTS.map((part) => markdown.search(part));
  const isInOrder = places.every((place, i) => place > (places[i - 1] ?? -1));
  const fences = markdown.split('\n').filter((line) => line.startsWith('```'));
  const languages = fences.filter((_, i) => i % 2 === 0).map((fence) => fence.slice(3));
  return [
    ...(isInOrder ? [] : [`${name}: first a program, then "What happens when", then "What ws users wrote before"`]),
    ...languages
      .filter((language) => !LANGUAGES.includes(language))
      .map((language) => `${name}: a block of "${language}"`),
  ];
}

const block = (language: string, ...lines: string[]) => `\`\`\`${[language, ...lines].join('\n')}\n\`\`\`\n`;
const SERVER = [
  "import { WebSocketServer } from 'framewright';",
  'const server = new WebSocketServer({ port: 8080 });',
];

/** Runs what stands in blocks, as a page. */
async function play(markdown: string): Promise<void> {
  await stage.play(readPrograms('page.md', markdown), await findPorts(markdown));
}

describe('the guide: each rule bites', () => {
  it('blocks that import nothing go on with the program above them', () => {
    const page = `${block('js', ...SERVER)}text\n${block('js', "server.on('error', () => {}); // prints no")}${block('ts', ...SERVER)}`;
    expect(
      readPrograms('page.md', page).map(({ place, language, prints, listensOn }) => [
        place,
        language,
        prints,
        listensOn,
      ]),
    ).toEqual([
      ['page.md:1', 'js', ['no'], ['8080']],
      ['page.md:9', 'ts', [], ['8080']],
    ]);
  });

  it('the order of its parts, and blocks that would not be run', () => {
    const good = `${block('js', 'x')}## What happens when\n## What ws users wrote before\n`;
    expect(findFaultsOfForm('a', good)).toEqual([]);
    const [program, table, before] = good.split(/(?=^## )/m);
    for (const page of [`${program}${before}${table}`, `${table}${before}${program}`, `${program}${table}`]) {
      expect(findFaultsOfForm('a', page)).toHaveLength(1);
    }
    expect(findFaultsOfForm('a', good + block('', 'x') + block('javascript', 'x'))).toEqual([
      'a: a block of ""',
      'a: a block of "javascript"',
    ]);
  });

  const broken: [rule: string, page: string, fault: string][] = [
    ['a beginning', block('js', 'go();'), 'page.md:1: the first program imports nothing'],
    ['an end', '\n```ts\nimport x', 'page.md:2: the block never ends'],
    ['one language', block('js', ...SERVER) + block('ts', 'go();'), 'page.md:5: goes on in another language'],
  ];
  it.each(broken)('%s', (_rule, page, fault) => expect(() => readPrograms('page.md', page)).toThrow(fault));

  it('names that are not there, in both languages', async () => {
    const page = ['js', 'ts'].map((language) => block(language, ...SERVER, 'server.frob();')).join('');
    const faults = await stage.check(readPrograms('page.md', page));
    expect(faults.map((fault) => fault.slice(0, 14))).toEqual(['page.md:1(3,8)', 'page.md:6(3,8)']);
  });

  const fails: [rule: string, lines: string[], fault: RegExp][] = [
    [
      'what it has to print',
      ["import 'node:fs';", "console.log('a'); // prints b"],
      /ended with 0[\s\S]*print:\n {2}b/,
    ],
    [
      'the order of what it prints',
      ["import 'node:fs';", "console.log('b\\na');", '// prints a', '// prints b'],
      /ended with 0/,
    ],
    ['a good end', ["import 'node:fs';", 'process.exitCode = 3;'], /page\.md:1: ended with 3/],
    ['silence', ["import 'node:fs';", "console.error('oh'); setInterval(() => {}, 1000);"], /complains\noh/],
    [
      'options that it does not know',
      ["import { listen } from 'framewright';", 'await listen({ prot: 8080 });'],
      /no option "prot"/,
    ],
  ];
  it.each(fails)('%s', async (_rule, lines, fault) => {
    await expect(play(block('js', ...lines))).rejects.toThrow(fault);
  });

  it('what programs share stands on the page once, with its name at its head, and is not run by itself', async () => {
    const shared = block(
      'ts',
      '// shared.ts',
      "import 'node:fs';",
      "export const text: string = 'of both';",
      'boom?.();',
    );
    const use = (language: string, name: string) =>
      block(language, `import { text } from './${name}';`, 'console.log(text); // prints of both');
    const lines = shared.replace('boom?.();\n', '');
    await play(lines + use('ts', 'shared.ts') + use('tsx', 'shared.ts'));
    await play(
      block('js', '// shared.js', "import 'node:fs';", "export const text = 'of both';") + use('js', 'shared.js'),
    );
    expect(await stage.check(readPrograms('page.md', shared + use('ts', 'shared.ts')))).toEqual([
      "page.md:1(4,1): error TS2304: Cannot find name 'boom'.",
    ]);
    for (const page of [use('ts', 'shared.ts'), lines + lines + use('ts', 'shared.ts')]) {
      expect(() => readPrograms('page.md', page)).toThrow(
        /'shared\.ts' is imported, and stands on the page [02] times/,
      );
    }
  });

  it('servers go on for the programs behind them, until another takes their port', async () => {
    const client = [
      "import { WebSocket } from 'framewright';",
      "const socket = new WebSocket('ws://127.0.0.1:8080/');",
      "socket.on('message', (data: Buffer) => console.log(String(data)));",
    ];
    const greet = (text: string) => [...SERVER, `server.on('connection', (socket) => socket.send('${text}'));`];
    const close = "socket.on('message', () => socket.close());";
    await play(
      block('js', ...greet('one')) +
        block('ts', ...client, `${close} // prints one`) +
        block('js', ...greet('two')) +
        block('ts', ...client, `${close} // prints two`),
    );
  });
});
