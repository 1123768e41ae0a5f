/**
 * What draws the HTML report, in the page itself. Both functions are put into it as their own source text: so they name
 * nothing outside themselves, and what of a page they use is described here.
 */

/** Numbers that stand for texts and fields are places in the lists of the same name. */
export interface ReportData {
  readonly agents: readonly {
    readonly name: string;
    readonly url: string;
    readonly testee: 'server' | 'client';
    readonly startedAt: string;
    readonly durationMs: number;
  }[];
  readonly cases: readonly PageCase[];
  /** By agent and case; null where the case was not run. */
  readonly results: readonly (readonly (PageResult | null)[])[];
  readonly texts: readonly string[];
  readonly fields: readonly PageField[];
}

export interface PageCase {
  readonly id: string;
  readonly summary: string;
  readonly group: string;
  readonly subgroup: string;
  readonly link: { readonly label: string; readonly url: string };
  readonly expected: string;
}

export interface PageResult {
  readonly behavior: string;
  readonly close: string;
  readonly isPassing: boolean;
  readonly came: number;
  readonly ms: number;
  readonly rows: readonly PageRow[];
  readonly omitted: number;
  /** The close code of the testee. */
  readonly code?: number;
  /** Request and response of the opening handshake. */
  readonly heads?: readonly [request: number, response: number];
  /** The reason in the baseline. */
  readonly known?: string;
}

/** `direction`: 0 sent to the testee, 1 received from it, 2 a note. */
export type PageRow = readonly [atMs: number | null, direction: number, text: number, frames: readonly PageFrame[]];

export type PageFrame = readonly [
  summary: number,
  fields: readonly number[],
  isBehindEnd: number,
  fault?: number,
  faultSection?: number,
];

export type PageField = readonly [
  name: number,
  bits: number,
  wire: number,
  meaning: number,
  section: number,
  isFault: number,
];

// ---- The page ------------------------------------------------------------------------------------------------------

interface PageElement {
  textContent: string | null;
  className: string;
  hidden: boolean;
  value: string;
  append(...children: readonly (PageElement | string)[]): void;
  after(...children: readonly (PageElement | string)[]): void;
  replaceChildren(...children: readonly (PageElement | string)[]): void;
  remove(): void;
  focus(): void;
  scrollIntoView(options: { readonly block: string }): void;
  setAttribute(name: string, value: string): void;
  addEventListener(type: string, listener: (event: { readonly key?: string; preventDefault(): void }) => void): void;
}

interface Page {
  readonly body: PageElement;
  createElement(name: string): PageElement;
  getElementById(id: string): PageElement | null;
  addEventListener(
    type: 'keydown',
    listener: (event: { readonly key?: string; readonly target: unknown; preventDefault(): void }) => void,
  ): void;
}

interface Place {
  hash: string;
}

declare const document: Page;
declare const location: Place;
declare const addEventListener: (type: 'hashchange', listener: () => void) => void;

/** Unpacks the data, and draws. */
export function startPage(
  draw: (page: Page, place: Place, data: ReportData, onHash: (go: () => void) => void) => void,
) {
  const packed = Uint8Array.from(atob(document.getElementById('data')!.textContent!), (character) =>
    character.charCodeAt(0),
  );
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  void new Response(unpacked).json().then((data) => {
    document.getElementById('wait')!.remove();
    draw(document, location, data as ReportData, (go) => addEventListener('hashchange', go));
  });
}

export function drawReport(page: Page, place: Place, data: ReportData, onHash: (go: () => void) => void): void {
  const { agents, cases, results, texts, fields } = data;
  type Child = PageElement | string;

  const make = (name: string, className: string, ...children: readonly Child[]): PageElement => {
    const element = page.createElement(name);
    if (className !== '') element.className = className;
    element.append(...children);
    return element;
  };
  const link = (label: string, url: string): PageElement => {
    const anchor = make('a', '', label);
    anchor.setAttribute('href', url);
    anchor.setAttribute('rel', 'noreferrer');
    return anchor;
  };
  const button = (className: string, label: string, press: () => void): PageElement => {
    const element = make('button', className, label);
    element.setAttribute('type', 'button');
    element.addEventListener('click', press);
    return element;
  };
  const details = (title: Child, isOpen: boolean, ...children: readonly Child[]): PageElement => {
    const element = make('details', '', make('summary', '', title), ...children);
    if (isOpen) element.setAttribute('open', '');
    return element;
  };
  const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
  const rfc = (section: string): PageElement => {
    const [, number = '6455', part = ''] = /^(?:RFC (\d+) )?§(.*)$/.exec(section) ?? [];
    return link(section, `https://www.rfc-editor.org/rfc/rfc${number}#section-${part}`);
  };

  // ---- Verdicts

  const isBadlyClosed = ({ close }: PageResult): boolean => close !== 'OK' && close !== 'INFORMATIONAL';
  /** What a result is, for its colour. */
  const toneOf = (result: PageResult | null): string => {
    if (result === null) return 'missing';
    if (result.known !== undefined) return 'known';
    if (result.behavior === 'FAILED') return 'failed';
    if (!result.isPassing) return 'warned';
    if (result.behavior === 'INFORMATIONAL') return 'informed';
    return result.behavior === 'UNIMPLEMENTED' ? 'missing' : 'passed';
  };
  const wordsOf = (result: PageResult | null): string => {
    if (result === null) return 'not run';
    const code = result.code === undefined ? '' : ` ${result.code}`;
    const behavior = result.behavior === 'OK' ? 'passed' : result.behavior.toLowerCase();
    return isBadlyClosed(result) ? `${behavior}, close ${result.close.toLowerCase()}${code}` : behavior;
  };
  const isAutobahn = ({ id }: PageCase): boolean => /^\d/.test(id);

  const MEANINGS: readonly (readonly [tone: string, word: string, meaning: string])[] = [
    ['passed', 'passed', 'It did what the RFC asks for, and the connection ended as it should. (OK in other reports.)'],
    ['failed', 'failed', 'It did something that the RFC forbids, or did not do what it asks for.'],
    [
      'warned',
      'non-strict',
      'It did what the RFC allows, not what it advises: it found a fault later than it could have, say. That does not pass.',
    ],
    ['warned', 'passed, close failed', 'The answers were right, and then the wrong side ended the connection.'],
    ['warned', 'passed, close unclean', 'The answers were right; a Close frame was missing or late.'],
    ['warned', 'passed, close wrong code', 'The answers were right; the Close frame had another code than it should.'],
    [
      'warned',
      'passed, close failed by client',
      'The server did not end TCP behind the closing handshake, so that the client had to.',
    ],
    ['informed', 'informational', 'The RFC leaves it open. The report says what the testee did; any answer passes.'],
    ['missing', 'unimplemented', 'The testee does without an extension that the case is about. It may: this passes.'],
    ['known', 'known', 'It does not pass, and the baseline says why it may.'],
    ['missing', 'not run', 'The case was not run with this testee.'],
  ];

  // ---- The head of the page

  const countsOf = (agent: number): PageElement => {
    const counts = new Map<string, number>();
    let total = 0;
    let others = 0;
    for (const [i, result] of results[agent]!.entries()) {
      if (result === null) continue;
      if (isAutobahn(cases[i]!)) total++;
      else others++;
      const word = result.known === undefined ? wordsOf(result).split(',')[0]! : 'known';
      const tone = toneOf(result);
      const key = `${tone} ${tone === 'warned' && word === 'passed' ? 'closed wrongly' : word}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const list = make('p', 'counts', make('b', '', plural(total, 'case')));
    if (others > 0) list.append(make('b', '', `and ${others} beyond Autobahn's`));
    for (const [key, count] of counts) {
      const [tone = '', ...word] = key.split(' ');
      list.append(make('span', `tone ${tone}`, `${count} ${word.join(' ')}`));
    }
    return list;
  };
  const cards = agents.map(({ name, url, testee, startedAt, durationMs }, i) => {
    const when = `${testee} ${testee === 'server' ? `at ${url}` : `that came to ${url}`}, ${startedAt.slice(0, 16).replace('T', ' ')} UTC, in ${(durationMs / 1000).toFixed(1)} s`;
    return make('section', 'card', make('h2', '', name), make('p', 'dim', when), countsOf(i));
  });
  const legend = make('table', 'legend');
  for (const [tone, word, meaning] of MEANINGS) {
    legend.append(make('tr', '', make('td', '', make('span', `tone ${tone}`, word)), make('td', '', meaning)));
  }

  // ---- Which cases are shown

  type Wanted = (results: readonly (PageResult | null)[]) => boolean;
  const some = (test: (result: PageResult) => boolean): Wanted => {
    return (own) => own.some((result) => result !== null && test(result));
  };
  const FILTERS: readonly (readonly [label: string, wanted: Wanted])[] = [
    ['all', () => true],
    ['not passed', some(({ isPassing }) => !isPassing)],
    ['failed', some(({ behavior }) => behavior === 'FAILED')],
    ['non-strict', some(({ behavior }) => behavior === 'NON-STRICT')],
    ['closed wrongly', some(isBadlyClosed)],
    ['known', some(({ known }) => known !== undefined)],
    ['informational', some(({ behavior }) => behavior === 'INFORMATIONAL')],
    ['unimplemented', some(({ behavior }) => behavior === 'UNIMPLEMENTED')],
    ['different', (own) => new Set(own.map(wordsOf)).size > 1],
  ];
  const resultsOf = (index: number): (PageResult | null)[] => results.map((own) => own[index] ?? null);
  let filter = 0;
  const search = make('input', '');
  search.setAttribute('type', 'search');
  search.setAttribute('placeholder', 'search: 7.9, ping, 1002');
  search.setAttribute('aria-label', 'search cases');
  const filters = FILTERS.map(([label, wanted], i) => {
    const count = cases.filter((_, index) => wanted(resultsOf(index))).length;
    const element = button('', `${label} ${count}`, () => {
      filter = i;
      show();
    });
    element.hidden = count === 0;
    return element;
  });
  const empty = make('p', 'dim', 'No case is like that.');

  // ---- A case, opened

  const fieldTable = (frame: PageFrame): PageElement => {
    const [, numbers] = frame;
    const table = make('table', 'fields');
    for (const number of numbers) {
      const [name, bits, wire, meaning, section, isFault] = fields[number]!;
      const cell = (text: number, className = ''): PageElement => make('td', className, texts[text]!);
      const where = make('td', '', rfc(texts[section]!));
      const row = [cell(name), cell(bits, 'dim'), cell(wire, 'wire'), cell(meaning), where];
      table.append(make('tr', isFault === 1 ? 'fault' : '', ...row));
    }
    return table;
  };
  const frameBlock = (frame: PageFrame, words?: string): PageElement => {
    const [summary, , isBehindEnd, fault, section] = frame;
    const title = make('span', '', words ?? texts[summary]!);
    if (fault !== undefined) title.append(make('b', 'fault', ` ${texts[fault]} `));
    if (isBehindEnd === 1) title.append(make('i', 'dim', ' behind the end: its receiver reads nothing of this'));
    const parts = fault === undefined ? [] : [make('p', '', 'The rule is ', rfc(texts[section!]!), '.')];
    return details(title, false, ...parts, fieldTable(frame));
  };
  const wireTable = ({ rows, omitted }: PageResult, other: string): PageElement => {
    const table = make('table', 'log');
    const WHO = [`to the ${other}`, `from the ${other}`, ''];
    for (const [atMs, direction, text, frames] of rows) {
      const words = texts[text]!;
      const [frame, ...others] = frames;
      const isOneFrame = frame !== undefined && others.length === 0;
      const what = isOneFrame ? [frameBlock(frame, words)] : [words, ...frames.map((one) => frameBlock(one))];
      const when = make('td', 'dim', atMs === null ? '' : `${atMs} ms`);
      const tone = ['sent', 'received', 'note'][direction]!;
      table.append(make('tr', tone, when, make('td', 'dim', WHO[direction]!), make('td', '', ...what)));
    }
    if (omitted > 0)
      table.append(make('tr', '', make('td', ''), make('td', ''), make('td', 'dim', `… and ${omitted} more`)));
    return table;
  };
  /** @param wanted the agent whose result was asked for; none: those that do not pass are opened */
  const resultBlock = (result: PageResult | null, index: number, wanted: number | undefined): PageElement => {
    const { name, testee, url } = agents[index]!;
    const heading = make('h3', '', `${name} `, make('span', `tone ${toneOf(result)}`, wordsOf(result)));
    if (result === null) return make('section', 'result', heading);
    const list = make('dl', '', make('dt', '', 'What came'), make('dd', '', texts[result.came]!));
    if (result.known !== undefined) list.append(make('dt', '', 'Known'), make('dd', '', result.known));
    const block = make('section', 'result', heading, list);
    const { heads } = result;
    if (heads !== undefined) {
      const [request, response] = heads.map((head) => make('pre', '', texts[head]!.trimEnd()));
      block.append(details('Opening handshake', false, request!, response!));
    }
    const isWanted = wanted === undefined ? agents.length === 1 || !result.isPassing : wanted === index;
    if (result.rows.length > 0) block.append(details('On the wire', isWanted, wireTable(result, testee)));
    if (testee === 'server') {
      const again = `framewright conformance --url ${url} --replay ${cases[opened]!.id}`;
      block.append(
        make('p', 'dim', `It took ${result.ms} ms. To run it again and see every octet: `, make('code', '', again)),
      );
    }
    return block;
  };

  // ---- The table

  let opened = -1;
  let openedFor: number | undefined;
  let panel: PageElement | undefined;
  const rowOf: PageElement[] = [];
  const close = (): void => {
    panel?.remove();
    panel = undefined;
    if (opened !== -1) rowOf[opened]!.setAttribute('aria-expanded', 'false');
    opened = -1;
  };
  const open = (index: number, wanted?: number): void => {
    close();
    opened = index;
    openedFor = wanted;
    const { expected, link: where } = cases[index]!;
    const about = make(
      'dl',
      '',
      make('dt', '', 'Expected'),
      make('dd', '', expected),
      make('dt', '', 'Rule'),
      make('dd', '', link(where.label, where.url)),
    );
    const blocks = resultsOf(index).map((result, i) => resultBlock(result, i, wanted));
    const cell = make('td', '', about, ...blocks);
    cell.setAttribute('colspan', String(2 + agents.length));
    panel = make('tr', 'panel', cell);
    rowOf[index]!.after(panel);
    rowOf[index]!.setAttribute('aria-expanded', 'true');
    if (wanted !== undefined && wanted > 0) blocks[wanted]!.scrollIntoView({ block: 'nearest' });
  };
  const toggle = (index: number, wanted?: number): void => {
    if (opened === index && openedFor === wanted) {
      close();
      return;
    }
    open(index, wanted);
    place.hash = cases[index]!.id;
  };

  const table = make('table', 'cases');
  const headRow = make('tr', '', make('th', '', 'case'), make('th', '', 'about'));
  headRow.append(...agents.map(({ name }) => make('th', '', name)));
  table.append(make('thead', '', headRow));
  const body = make('tbody', '');
  const headings: { readonly element: PageElement; readonly first: number; last: number }[] = [];
  let heading = '';
  for (const [i, { id, summary, group, subgroup }] of cases.entries()) {
    const title = group.split(' ')[0] === subgroup.split(' ')[0] ? group : `${group} · ${subgroup}`;
    if (title !== heading) {
      heading = title;
      const cell = make('th', '', title);
      cell.setAttribute('colspan', String(2 + agents.length));
      const element = make('tr', 'group', cell);
      headings.push({ element, first: i, last: i });
      body.append(element);
    }
    headings.at(-1)!.last = i;
    const opener = button('id', id, () => toggle(i));
    const row = make('tr', 'case', make('td', '', opener), make('td', '', summary));
    row.setAttribute('aria-expanded', 'false');
    for (const [agent, result] of resultsOf(i).entries()) {
      const press = (): void => toggle(i, agent);
      row.append(make('td', '', button(`tone ${toneOf(result)}`, wordsOf(result), press)));
    }
    rowOf.push(row);
    body.append(row);
  }
  table.append(body);

  const show = (): void => {
    close();
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const [, wanted] = FILTERS[filter]!;
    for (const [i, element] of filters.entries()) element.setAttribute('aria-pressed', String(i === filter));
    let count = 0;
    for (const [i, one] of cases.entries()) {
      const own = resultsOf(i);
      const text = [one.id, one.summary, one.group, one.subgroup, one.link.label, one.expected, ...own.map(wordsOf)]
        .join(' ')
        .toLowerCase();
      const isShown =
        wanted(own) &&
        words.every((word) =>
          /^[\w.]*\d\.[\d.]*$/.test(word) ? one.id.toLowerCase().startsWith(word) : text.includes(word),
        );
      rowOf[i]!.hidden = !isShown;
      if (isShown) count++;
    }
    for (const { element, first, last } of headings) {
      element.hidden = !cases.slice(first, last + 1).some((_, i) => !rowOf[first + i]!.hidden);
    }
    empty.hidden = count > 0;
  };
  const go = (): void => {
    const index = cases.findIndex(({ id }) => `#${id}` === place.hash);
    if (index === -1 || index === opened) return;
    rowOf[index]!.hidden = false;
    open(index);
    rowOf[index]!.scrollIntoView({ block: 'start' });
  };
  search.addEventListener('input', show);
  page.addEventListener('keydown', (event) => {
    if (event.key === '/' && event.target !== search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === 'Escape') close();
  });
  onHash(go);

  const intro = make(
    'p',
    '',
    'Each row is a case: a connection on which the test sends what a WebSocket may receive, right or wrong, and looks at what the testee does, which has to send every message back. Press a case to see what was expected, what came, and every frame, with the rule in the RFC.',
  );
  const bar = make('div', 'bar', search, ...filters);
  page.body.append(
    make('h1', '', 'WebSocket conformance'),
    intro,
    make('div', 'cards', ...cards),
    details('What the verdicts mean', false, legend),
    bar,
    table,
    empty,
  );
  show();
  go();
}
