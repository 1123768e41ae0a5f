/** Autobahn's configuration files: which cases a pattern fits, which servers there are, and what is said of faults. */

import { describe, expect, it } from 'vitest';
import { type AutobahnSpec, CASES, parseAutobahnSpec, SpecFault } from '../../src/conformance/index.ts';

const client = (members: object): AutobahnSpec =>
  parseAutobahnSpec(JSON.stringify({ servers: [{ url: 'ws://127.0.0.1:9001' }], cases: ['*'], ...members }));
const ids = ({ cases }: AutobahnSpec): string[] => cases.split(',');
const startingWith = (...beginnings: string[]): string[] =>
  CASES.map(({ id }) => id).filter((id) => beginnings.some((beginning) => id.startsWith(beginning)));

describe('fuzzingclient.json', () => {
  it('has several servers, with their options', () => {
    const spec = parseAutobahnSpec(
      JSON.stringify({
        outdir: './reports/servers',
        options: { openHandshakeTimeout: 2, failByDrop: false, applyMask: true },
        servers: [
          {
            agent: 'one',
            url: 'wss://127.0.0.1:9001/echo',
            hostname: 'one.example',
            origin: 'https://one.example',
            protocols: ['chat', 'other'],
            options: { version: 18, openHandshakeTimeout: 0.5, autoFragmentSize: 4 },
          },
          { url: 'ws://127.0.0.1:9002' },
        ],
        cases: ['7.9.1', '2.*'],
        'exclude-cases': ['2.1*', '99.1'],
        'exclude-agent-cases': {},
      }),
    );
    expect(spec.servers).toEqual([
      {
        agent: 'one',
        url: 'wss://127.0.0.1:9001/echo',
        serverName: 'one.example',
        rejectUnauthorized: true,
        origin: 'https://one.example',
        subprotocols: ['chat', 'other'],
        handshakeTimeoutMs: 500,
      },
      { url: 'ws://127.0.0.1:9002', rejectUnauthorized: false, subprotocols: [], handshakeTimeoutMs: 2000 },
    ]);
    expect(spec.outdir).toBe('./reports/servers');
    expect(ids(spec)).toEqual(['2.2', '2.3', '2.4', '2.5', '2.6', '2.7', '2.8', '2.9', '7.9.1']);
    expect(spec.ignored).toEqual(['applyMask', 'autoFragmentSize', 'applyMask']);
  });

  it.each<[string[], string[]]>([
    [['*'], CASES.map(({ id }) => id)],
    [['7.*'], startingWith('7.')],
    // A pattern need only fit the beginning.
    [['1.1*'], startingWith('1.1')],
    [['*.13.'], ['6.13.1', '6.13.2', '6.13.3', '6.13.4', '6.13.5', '7.13.1', '7.13.2']],
    // And a dot is a dot, while all else is a regular expression.
    [['1[23].1.*'], startingWith('12.1.', '13.1.')],
    [
      ['2.10', '2.9'],
      ['2.9', '2.10'],
    ],
  ])('takes the cases that %j fits, in numeric order', (patterns, expected) => {
    expect(ids(client({ cases: patterns }))).toEqual(expected);
  });

  it('spares agents cases, where both patterns fit as a whole', () => {
    const { skips } = client({ 'exclude-agent-cases': { 'Foo*': ['9.*', '1.1.1'], 'a.b': ['*'] } });
    expect(skips('FooServer/1', '9.1.1')).toBe(true);
    expect(skips('Foo', '1.1.1')).toBe(true);
    expect(skips('Foo', '1.1.10')).toBe(false);
    expect(skips('MyFoo', '9.1.1')).toBe(false);
    expect(skips('a.b', '5.1')).toBe(true);
    expect(skips('aXb', '5.1')).toBe(false);
  });

  it.each<[string, string]>([
    ['{', 'it is not JSON: '],
    ['[]', 'it must be an object, as fuzzingclient.json and fuzzingserver.json are'],
    [
      '{"cases":["*"]}',
      'it has neither "servers", as a fuzzingclient.json has, nor "url", as a fuzzingserver.json has',
    ],
    ['{"servers":[]}', '"servers" must be a list with at least one server'],
    ['{"servers":["x"]}', 'servers[0] must be an object with a "url"'],
    ['{"servers":[{"agent":"x"}]}', 'servers[0] has no "url"'],
    ['{"servers":[{"url":"http://x"}]}', 'servers[0].url: Invalid URL "http://x": use ws://host:port/path'],
    ['{"servers":[{"url":"ws://x","agent":1}]}', 'servers[0]: "agent" must be a string'],
    ['{"servers":[{"url":"ws://x","protocols":"chat"}]}', 'servers[0]: "protocols" must be a list of strings'],
    ['{"servers":[{"url":"ws://x","options":{"version":8}}]}', 'servers[0].options: version 8 is older than RFC 6455'],
    ['{"servers":[{"url":"ws://x"}],"options":{"openHandshakeTimeout":0}}', '"options": openHandshakeTimeout must be'],
    ['{"servers":[{"url":"ws://x"}],"cases":["8.1"]}', '"cases": there is no case "8.1": use ids such as 7.9.1'],
    ['{"servers":[{"url":"ws://x"}],"cases":["8.*"]}', 'no case is left: see "cases" and "exclude-cases"'],
    ['{"servers":[{"url":"ws://x"}],"cases":["("]}', '"cases": there is no case "("'],
    ['{"servers":[{"url":"ws://x"}],"cases":["(*"]}', '"(*" is no pattern'],
    ['{"servers":[{"url":"ws://x"}],"exclude-agent-cases":{"x":"9.*"}}', '"exclude-agent-cases": "x" must be a list'],
  ])('says what is wrong with %s', (json, message) => {
    expect(() => parseAutobahnSpec(json)).toThrow(SpecFault);
    expect(() => parseAutobahnSpec(json)).toThrow(message);
  });
});

describe('fuzzingserver.json', () => {
  it('says where to listen, and with which certificate', () => {
    const { url, cert, key, outdir, cases, ignored } = parseAutobahnSpec(
      JSON.stringify({
        url: 'wss://0.0.0.0:9001',
        outdir: './reports/clients',
        webport: 8080,
        key: 'server.key',
        cert: 'server.crt',
        options: { failByDrop: true },
        cases: ['1.1.1'],
      }),
    );
    expect([url?.href, key, cert, outdir, cases]).toEqual([
      'wss://0.0.0.0:9001/',
      'server.key',
      'server.crt',
      './reports/clients',
      '1.1.1',
    ]);
    expect(ignored).toEqual(['failByDrop']);
  });
});
