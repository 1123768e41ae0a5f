/** The reports for other programs, made of one run: Autobahn's JSON, JUnit, TAP, Markdown, and the HTML page. */

import { inflateRawSync } from 'node:zlib';
import { Window } from 'happy-dom';
import { beforeAll, describe, expect, it } from 'vitest';
import { reportData } from '../../src/conformance/html-report.ts';
import {
  type CaseResult,
  caseFileName,
  parseBaseline,
  runSuite,
  type SuiteReport,
  toCaseReport,
  toHtmlReport,
  toJUnitReport,
  toMarkdownSummary,
  toTapReport,
  toTextReport,
} from '../../src/conformance/index.ts';
import { drawReport, type ReportData } from '../../src/conformance/report-page.ts';
import { startRawEchoServer } from './faulty/raw-echo.ts';

const AGENT = 'faulty <1.0> & "co"';
const BASELINE = parseBaseline('{"5.3": {"behavior": "FAILED", "behaviorClose": "OK", "reason": "a | known <fault>"}}');

let report: SuiteReport;

beforeAll(async () => {
  const server = await startRawEchoServer('textEchoedAsBinary');
  report = await runSuite({
    url: server.url,
    cases: '2.2,5.3,5.4,3.2,1.2.6,7.13.1,12.1.1',
    agent: AGENT,
    headers: [['Cookie', 'a=<b>']],
  });
  await server.close();
});

const resultOf = (id: string): CaseResult => report.results.find((result) => result.id === id)!;

describe('the text report', () => {
  it('shows what informational cases have found', () => {
    expect(toTextReport(report)).toMatch(
      /\nFor information, any answer passes:\n7\.13\.1 .*\n {4}came {6}nothing; closed by the fuzzer, code \d+ from the testee/,
    );
  });
});

describe("Autobahn's JSON for a case", () => {
  it('is called as Autobahn calls it', () => {
    expect(caseFileName(' My Server/1.0 (x) ', '12.1.1')).toBe('my_server_1_0__x_case_12_1_1.json');
  });

  it('has the members of the original', () => {
    const json = JSON.parse(JSON.stringify(toCaseReport(report, resultOf('5.3'))));
    expect(Object.keys(json)).toEqual([
      ...['agent', 'behavior', 'behaviorClose', 'case', 'closedByMe', 'createStats', 'createWirelog', 'description'],
      ...['droppedByMe', 'duration', 'expectation', 'expected', 'expectedClose', 'failedByMe', 'httpRequest'],
      ...['httpResponse', 'id', 'isServer', 'localCloseCode', 'localCloseReason', 'received', 'remoteCloseCode'],
      ...['remoteCloseReason', 'reportCompressionRatio', 'reportTime', 'result', 'resultClose', 'rxFrameStats'],
      ...['rxOctetStats', 'started', 'trafficStats', 'txFrameStats', 'txOctetStats', 'wasClean'],
      ...['wasCloseHandshakeTimeout', 'wasNotCleanReason', 'wasOpenHandshakeTimeout'],
      ...['wasServerConnectionDropTimeout', 'wirelog'],
    ]);
    expect(json).toMatchObject({
      agent: AGENT,
      behavior: 'FAILED',
      case: 47,
      expected: { OK: [['message', 'fragment1fragment2', false]] },
      expectedClose: { closedByMe: true, closeCode: [1000], requireClean: true },
      received: [['message', 'fragment1fragment2', true]],
      isServer: false,
      txFrameStats: { 0: 1, 1: 1, 8: 1 },
      rxFrameStats: { 2: 1, 8: 1 },
    });
    expect(json.httpRequest).toMatch(/^GET \/ HTTP\/1\.1\r\nHost: [\s\S]*\r\nCookie: a=<b>\r\n\r\n$/);
    expect(json.httpResponse).toMatch(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n$/);
  });

  it('has the wire log in its rows, long payloads cut', () => {
    const { wirelog } = toCaseReport(report, resultOf('2.2')) as { wirelog: unknown[][] };
    expect(wirelog.map(([type]) => type)).toEqual(['TF', 'TO', 'TI', 'RO', 'RF', 'TF', 'TO', 'RO', 'RF']);
    expect(wirelog[0]).toEqual([
      'TF',
      [13, 'Hello, world!'],
      9,
      true,
      0,
      expect.stringMatching(/^[0-9a-f]{8}$/),
      null,
      null,
      false,
    ]);
    expect(wirelog[1]).toEqual(['TO', [19, expect.stringMatching(/^898d[0-9a-f]{34}$/)], false]);
    expect(wirelog[3]).toEqual(['RO', [15, `8a0d${Buffer.from('Hello, world!').toString('hex')}`]]);
    expect(wirelog[4]).toEqual(['RF', [13, 'Hello, world!'], 10, true, 0, false, null]);
    const long = toCaseReport(report, resultOf('1.2.6')) as { wirelog: unknown[][] };
    expect(long.wirelog[0]!.slice(0, 5)).toEqual(['TF', [65_535, `0x${'fe'.repeat(64)} ...`], 2, true, 0]);
    expect(long.wirelog[1]).toMatchObject(['TO', [65_543, expect.stringMatching(/^82feffff[0-9a-f]+ \.\.\.$/)], false]);
  });
});

describe('reports for CI', () => {
  it('JUnit: one suite, with what failed, what was skipped, and what is known', () => {
    const xml = toJUnitReport([report], BASELINE);
    expect(xml).toContain(
      '<testsuite name="faulty &lt;1.0&gt; &amp; &quot;co&quot;" tests="7" failures="2" errors="0" skipped="2" time="',
    );
    expect(xml).toMatch(
      /<testcase classname="faulty &lt;1_0&gt; [^".]*\.5 fragmentation" name="5\.3 [^"]*" time="\d+\.\d{3}">\n {6}<skipped message="known: a \| known &lt;fault&gt;"\/>/,
    );
    expect(xml).toMatch(/<failure message="FAILED">5\.4 {2}.*\n {4}expected {2}/);
    expect(xml).toMatch(/name="7\.13\.1 [^"]*" time="[^"]*">\n {6}<system-out>nothing; closed by/);
    expect(xml).toContain('<skipped message="not offered"/>');
    expect(xml.match(/<testcase /g)).toHaveLength(7);
    const window = new Window();
    const parsed = new window.DOMParser().parseFromString(xml, 'application/xml');
    expect(parsed.querySelector('parsererror')).toBeNull();
    expect(parsed.querySelectorAll('testcase')).toHaveLength(7);
  });

  it('JUnit: characters that XML does not have are replaced', () => {
    const broken = { ...report, agent: 'a\u0000b\ud800c\uffffd\u{1f600}' };
    expect(toJUnitReport([broken])).toContain('name="a?b?c?d\u{1f600}"');
  });

  it('TAP: a line each, with directives', () => {
    const lines = toTapReport([report], BASELINE).split('\n');
    expect(lines.slice(0, 3)).toEqual(['TAP version 13', '1..7', `# ${AGENT}`]);
    expect(lines).toContain('ok 2 - 2.2 ping with text');
    expect(lines.find((line) => line.includes(' 5.3 '))).toMatch(
      /^not ok \d - 5\.3 .* # TODO known: a \| known <fault>$/,
    );
    expect(lines.find((line) => line.includes(' 12.1.1 '))).toMatch(/^ok 7 - 12\.1\.1 .* # SKIP not offered$/);
    expect(lines[lines.findIndex((line) => line.startsWith('not ok') && line.includes('5.4')) + 2]).toBe(
      '  verdict: "FAILED"',
    );
  });

  it('Markdown: a table of testees, and one of what did not pass', () => {
    const markdown = toMarkdownSummary([report], BASELINE);
    expect(markdown).toMatch(/^## WebSocket conformance\n/);
    expect(markdown).toMatch(
      /\n\| ❌ faulty &lt;1\.0&gt; &amp; &quot;co&quot; \| 7: 2 OK, .* \| – \| 1 \| \d+\.\d s \|\n/,
    );
    expect(markdown).toContain('<details open>');
    expect(markdown).toContain('(known: a \\| known &lt;fault&gt;)');
  });
});

describe('the HTML report', () => {
  /** A page that has drawn the report, as a browser would. */
  function draw(data: ReportData): { window: Window; rows: () => string[] } {
    const window = new Window();
    const page = window.document as unknown as Parameters<typeof drawReport>[0];
    drawReport(page, window.location as unknown as { hash: string }, data, () => {});
    const rows = (): string[] => {
      const shown = [...window.document.querySelectorAll('tr.case')].filter(
        (row) => !(row as unknown as { hidden: boolean }).hidden,
      );
      return shown.map((row) => row.querySelector('.id')!.textContent);
    };
    return { window, rows };
  }

  it('carries its data, and scripts that stand on their own', () => {
    const html = toHtmlReport([report], BASELINE);
    const packed = /<script id="data" type="text\/plain">([^<]*)</.exec(html)![1]!;
    expect(JSON.parse(inflateRawSync(Buffer.from(packed, 'base64')).toString())).toEqual(
      JSON.parse(JSON.stringify(reportData([report], BASELINE))),
    );
    const script = /<script>\n([\s\S]*)<\/script>/.exec(html)![1]!;
    expect(() => new Function(script)).not.toThrow();
    expect(html).toContain('<title>WebSocket conformance: faulty &#60;1.0&#62; &#38; "co"</title>');
    expect(html).not.toMatch(/(?:src|href)=/);
  });

  it('shows the cases, and those that are asked for', () => {
    const { window, rows } = draw(reportData([report, { ...report, agent: 'other' }], BASELINE));
    expect(rows()).toEqual(['1.2.6', '2.2', '3.2', '5.3', '5.4', '7.13.1', '12.1.1']);
    const press = (selector: string, text: string): void => {
      const found = [...window.document.querySelectorAll(selector)].find((one) => one.textContent.startsWith(text))!;
      (found as unknown as { click(): void }).click();
    };
    press('.bar button', 'known');
    expect(rows()).toEqual(['5.3']);
    press('.bar button', 'all');
    const search = window.document.querySelector('input')!;
    search.value = '5.';
    search.dispatchEvent(new window.Event('input'));
    expect(rows()).toEqual(['5.3', '5.4']);
  });

  it('reads no frames where no WebSocket was opened', () => {
    const framesOf = (result: CaseResult): number => {
      const [rows] = reportData([{ ...report, results: [result] }], BASELINE).results.map((own) => own[0]!.rows);
      return rows!.reduce((sum, [, , , frames]) => sum + frames.length, 0);
    };
    const opened = resultOf('2.2');
    expect(framesOf(opened)).toBe(4);
    const handshake = { ...opened.handshake!, response: 'HTTP/1.1 400 Bad Request\r\n\r\n' };
    expect(framesOf({ ...opened, handshake })).toBe(0);
  });

  it('opens a case: what was expected, what came, the handshake, and each frame with its rules', () => {
    const { window } = draw(reportData([report], BASELINE));
    const opener = [...window.document.querySelectorAll('.id')].find((one) => one.textContent === '3.2')!;
    (opener as unknown as { click(): void }).click();
    expect(window.location.hash).toBe('#3.2');
    const text = window.document.querySelector('tr.panel')!.textContent;
    expect(text).toContain('Expectedtext message, 13 bytes "Hello, world!"');
    expect(text).toContain('What came');
    expect(text).toContain('GET / HTTP/1.1');
    expect(text).toContain('Invalid WebSocket frame: RSV2 and RSV3 must be clear');
    expect(text).toContain('behind the end: its receiver reads nothing of this');
    const links = [...window.document.querySelectorAll('tr.panel a')].map((anchor) => anchor.getAttribute('href'));
    expect(links).toContain('https://www.rfc-editor.org/rfc/rfc6455#section-5.2');
    (opener as unknown as { click(): void }).click();
    expect(window.document.querySelector('tr.panel')).toBeNull();
  });
});
