/** `framewright conformance`: arguments, exit statuses and files, both ways. What the cases find is tested elsewhere. */

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { conformance } from '../../src/cli/conformance.ts';
import { ask, driveClient, type MakeClient } from '../conformance/client-driver.ts';
import { makeOwnHttp2Client, startOwnHttp2Server } from '../conformance/targets.ts';
import { testCertificate } from '../support/servers.ts';
import { holdEchoServers } from './echo-servers.ts';

const servers = holdEchoServers();
let output: string;
let complaints: string;

beforeEach(() => {
  output = '';
  complaints = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text, ...rest) => {
    output += text;
    for (const argument of rest) if (typeof argument === 'function') argument();
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    complaints += text;
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Runs the command with `--serve`, and `use` once it says where it is. */
async function serveDuring(args: readonly string[], use: (url: string) => Promise<void>): Promise<number> {
  output = '';
  complaints = '';
  const status = conformance.run(['--serve', '--port', '0', '--linger', '0', ...args]);
  const url = await vi.waitUntil(() => / at (ws\S+)\n/.exec(output)?.[1], { interval: 5, timeout: 60_000 });
  await use(url);
  return status;
}

const makeClient: MakeClient = (url) => new WebSocket(url);

describe('framewright conformance --h2', () => {
  it('RFC 8441 §5 tests a server over HTTP/2', async () => {
    const server = await startOwnHttp2Server();
    expect(await conformance.run(['--h2', '--url', server.url, '--cases', '1.1.1,5.3,7.1.1', '--agent', 'own'])).toBe(
      0,
    );
    expect(output).toMatch(/\n3 cases in \d+\.\d s: 3 OK\n$/);
    await server.close();
  });

  it('RFC 8441 §5 serves the cases to clients over HTTP/2, and refuses what there is not', async () => {
    const drive = async (url: string) => {
      await expect(ask(makeOwnHttp2Client, `${url}/elsewhere`)).rejects.toThrow('Unexpected server response: 404');
      await driveClient(makeOwnHttp2Client, url, { agent: 'own' });
    };
    expect(await serveDuring(['--h2', '--cases', '1.1.1,5.3,7.1.1'], drive)).toBe(0);
    expect(output).toMatch(/^framewright: 3 cases for clients over HTTP\/2 at ws:/);
    expect(output).toMatch(/\n3 cases in \d+\.\d s: 3 OK\n$/);
  });

  it('RFC 8441 §3 says when the server takes none', async () => {
    const server = createHttp2Server();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await conformance.run(['--h2', '--url', url])).toBe(1);
    expect(complaints).toContain(`${url}: the server takes no WebSockets over HTTP/2 (RFC 8441 §3)`);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('framewright conformance --serve', () => {
  it('reports what a client has run when it asks for that', async () => {
    const path = join(servers.folder, 'client.json');
    const drive = (url: string) => driveClient(makeClient, url, { agent: 'ws 8' });
    expect(await serveDuring(['--cases', '2.1,5.3,7.13.1', '--json', path], drive)).toBe(0);
    expect(output).toMatch(/^framewright: 3 cases for clients at ws:\/\/127\.0\.0\.1:\d+\nConformance of ws 8 at /);
    expect(output).toMatch(/\n3 cases in \d+\.\d s: 2 OK, 1 informational\n$/);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ 'ws 8': { '5.3': { behavior: 'OK' } } });
    expect(await serveDuring(['--cases', '2.1,5.3,7.13.1', '--expect', path], drive)).toBe(0);
    expect(output).toMatch(/All verdicts are as expected\.\n$/);
    expect(complaints).toBe('');
  });

  it('prints the report of a client when it asks for that, and goes on', async () => {
    const path = join(servers.folder, 'clients.json');
    const drive = async (url: string): Promise<void> => {
      await ask(makeClient, `${url}/runCase?casetuple=2.2&agent=two`);
      await driveClient(makeClient, url, { agent: 'one' });
      expect(output).toMatch(/\nConformance of one at /);
      expect(output).not.toContain('Conformance of two at ');
      expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')))).toEqual(['two', 'one']);
      await driveClient(makeClient, url, { agent: 'two' });
    };
    expect(
      await serveDuring(['--cases', '2.*', '--exclude', '2.3,2.4,2.5,2.6,2.7,2.8,2.9,2.1*', '--json', path], drive),
    ).toBe(0);
    expect(output).toMatch(/\nConformance of one at .*\n[\s\S]*\nConformance of two at /);
    expect(output.match(/Conformance of/g)).toHaveLength(2);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      one: { '2.2': { behavior: 'OK' } },
      two: { '2.2': { behavior: 'OK' } },
    });
  });

  it('without --linger it goes on until it is stopped', async () => {
    const status = conformance.run(['--serve', '--port', '0', '--cases', '2.2']);
    const url = await vi.waitUntil(() => / at (ws\S+)\n/.exec(output)?.[1], { interval: 5, timeout: 60_000 });
    await driveClient(makeClient, url, { agent: 'one' });
    await driveClient(makeClient, url, { agent: 'two' });
    await ask(makeClient, `${url}/updateReports?agent=two&shutdownOnComplete=true`);
    expect(await status).toBe(0);
  });

  it('waits for a client that comes behind the last report', async () => {
    const drive = async (url: string): Promise<void> => {
      await driveClient(makeClient, url, { agent: 'one' });
      await driveClient(makeClient, url, { agent: 'two' });
      await ask(makeClient, `${url}/stopServer`);
    };
    expect(await serveDuring(['--cases', '2.2', '--linger', '3600'], drive)).toBe(0);
    expect(output).toMatch(/\nConformance of one at .*\n[\s\S]*\nConformance of two at /);
  });

  it('exits with 1 when a case fails', async () => {
    const drive = (url: string) => driveClient(makeClient, url, { agent: 'ws 8' });
    expect(await serveDuring(['--cases', '6.4.3'], drive)).toBe(1);
    expect(output).toContain('6.4.3  ');
  });

  it('exits with 1 when cases were not run, and when no client came', async () => {
    const runOne = async (url: string): Promise<void> => {
      await ask(makeClient, `${url}/runCase?case=2&agent=ws`);
      process.emit('SIGTERM');
    };
    expect(await serveDuring(['--cases', '2.*'], runOne)).toBe(1);
    expect(complaints).toBe('framewright: conformance: ws has not run 10 of the cases\n');
    const stop = async (): Promise<void> => {
      process.emit('SIGINT');
    };
    expect(await serveDuring([], stop)).toBe(1);
    expect(complaints).toBe('framewright: conformance: no client has run a case\n');
  });

  it('says so when it cannot listen', async () => {
    await serveDuring([], async (url) => {
      const { port } = new URL(url);
      expect(await conformance.run(['--serve', '--port', port])).toBe(1);
      expect(complaints).toContain(`framewright: conformance: port ${port} on 127.0.0.1 is in use: `);
      process.emit('SIGINT');
    });
  });
});

describe('framewright conformance', () => {
  it('exits with 0 when all cases pass, informational ones included', async () => {
    expect(await conformance.run(['--cases', '2.1,7.13.*', '--url', servers.good.url])).toBe(0);
    expect(output).toMatch(/3 cases in \d+\.\d s: 1 OK, 2 informational\n$/);
    expect(complaints).toBe('');
  });

  it('exits with 1 when a case fails, and explains it', async () => {
    expect(await conformance.run(['--url', servers.bad.url, '--cases', '5.3'])).toBe(1);
    expect(output).toContain('5.3  text in two fragments: FAILED');
  });

  it('exits with 1 when the server cannot be reached', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await new Promise((resolve) => server.close(resolve));
    expect(await conformance.run(['--url', url])).toBe(1);
    expect(complaints).toBe(
      `framewright: conformance: ${url}: connection refused (ECONNREFUSED): is the server running on that port?\n`,
    );
  });

  it('names --insecure where a certificate is not trusted', async () => {
    const server = createTlsServer(await testCertificate());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `wss://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await conformance.run(['--url', url])).toBe(1);
    expect(complaints).toBe(
      `framewright: conformance: ${url}: the certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT): ` +
        'rejectUnauthorized: false takes it nevertheless, as --insecure does; ca, or --ca FILE, names one to trust\n',
    );
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    [[], 'give the URL of a server, --url ws://host:port/path, or --serve for clients, or --spec and an Autobahn file'],
    [['--serve', '--url', 'ws://a'], 'give one of --url, --serve and --spec, not several'],
    [['--serve', '--replay', '1.1.1'], '--replay goes with --url only'],
    [['--url', './sock'], '"./sock" is no address: a unix socket is written ws+unix:/path/of/socket:/resource'],
    [['--url', 'ws://a', '--replay', '7.*'], '--replay takes the id of one case, such as 7.9.1, not "7.*"'],
    [['--url', 'ws://a', '--header', 'X'], '--header takes \'Name: value\', not "X"'],
    [['--url', 'ws://a', '--header', 'Host: x'], 'Header Host belongs to the handshake: do not set it'],
    [['--url', 'ws://a', '--subprotocol', 'a b'], 'Invalid subprotocol "a b": it must be a token'],
    [['--url', 'ws://a', '--ca', '/nonexistent'], '--ca: cannot read /nonexistent: ENOENT'],
    [
      ['--url', 'ws://a', '--ca', 'package.json'],
      '--ca: package.json is no PEM file: it has to have a line "-----BEGIN …"',
    ],
    [['--url', 'ws://a', '--command', ' '], '--command takes a command line, not an empty string'],
    [['--url', 'ws://a', '--command-timeout', '1'], '--command-timeout goes with --command only'],
    [['--url', 'ws://a', '--update-baseline'], '--update-baseline needs the file: --baseline FILE'],
    [['--url', 'ws://a', '--baseline', 'a', '--reason', 'b'], '--reason goes with --update-baseline only'],
    [['--url', 'ws://a', '--baseline', 'a', '--expect', 'b'], 'use either --expect or --baseline, not both'],
    [['--url', 'ws://a', '--baseline', '/none'], '--baseline: there is no /none: --update-baseline writes one'],
    [['--url', 'ws://a', '--baseline', 'biome.json'], '--baseline: biome.json cannot be used: case $schema lacks'],
    [['--serve', '--cert', 'a'], '--cert goes with --key: give both'],
    [['--mode', 'echoserver'], '--mode takes fuzzingclient or fuzzingserver, not "echoserver"'],
    [['--mode', 'fuzzingclient'], '--spec: fuzzingclient.json cannot be used: ENOENT'],
    [['--spec', 'biome.json'], '--spec: biome.json cannot be used: it has neither "servers"'],
    [['--url', 'ws://a', '--port', '1'], '--port goes with --serve only'],
    [['--serve', '--concurrency', '1'], '--concurrency goes with --url only'],
    [['--serve', '--port', '65536'], '--port takes a whole number from 0 to 65535, not "65536"'],
    [['--serve', '--host', ''], '--host takes an address or a name, not an empty string'],
    [['--url', 'ws://a', 'ws://b'], 'what is "ws://b"? A server\'s address goes with --url'],
    [['--url', 'ws://a', '--linger', '1'], '--linger goes with --serve only'],
    [['--serve', '--linger', '-1'], "Option '--linger' argument is ambiguous"],
    [['--url', 'ws://a', '--exclude', '8.*'], 'No conformance case fits "8.*"'],
    [
      ['--url', 'ws://a', '--cases', '7.9.1', '--exclude', '7.9.*'],
      'No conformance case is left of 7.9.1 without 7.9.*',
    ],
    [['--url', 'http://a'], 'Invalid URL "http://a": use ws://host:port/path or wss://host:port/path, or ws+unix:'],
    [['--url', 'ws://a', '--cases', '8.*'], 'No conformance case fits "8.*"'],
    [['--url', 'ws://a', '--concurrency', '0'], '--concurrency takes a whole number from 1 to 256, not "0"'],
    [['--url', 'ws://a', '--concurrency', '1e1'], '--concurrency takes a whole number from 1 to 256, not "1e1"'],
    [
      ['--url', 'ws://a', '--expect', '/nonexistent'],
      '--expect: /nonexistent holds no verdicts as --json writes them: ENOENT',
    ],
    [['--url', 'ws://a', '--colour'], "Unknown option '--colour'"],
  ])('exits with 2 for %j', async (args, message) => {
    expect(await conformance.run(args)).toBe(2);
    expect(complaints).toContain(`framewright: conformance: ${message}`);
    expect(complaints).toContain('See "framewright conformance --help".\n');
    expect(output).toBe('');
  });

  it('writes the verdicts, and compares with those written before', async () => {
    const path = join(servers.folder, 'verdicts.json');
    const cases = ['--cases', '5.3,2.1'];
    expect(await conformance.run(['--url', servers.bad.url, ...cases, '--agent', 'bad', '--json', path])).toBe(1);
    const verdicts = JSON.parse(readFileSync(path, 'utf8'));
    expect(verdicts).toMatchObject({ bad: { '2.1': { behavior: 'OK' }, '5.3': { behavior: 'FAILED' } } });

    expect(await conformance.run(['--url', servers.bad.url, ...cases, '--expect', path])).toBe(0);
    expect(output).toMatch(/All verdicts are as expected\.\n$/);
    expect(await conformance.run(['--url', servers.good.url, '--cases', '5.3,2.1,2.2', '--expect', path])).toBe(1);
    expect(output).toMatch(
      /\n2\.2 {2}is OK, close OK, and is not in the file of --expect\n5\.3 {2}is OK, close OK, expected FAILED, close \S+\n$/,
    );
  });

  it('says so when it cannot write them, before it runs a case', async () => {
    const path = join(servers.folder, 'no', 'such', 'folder');
    expect(await conformance.run(['--url', servers.good.url, '--cases', '2.1', '--json', path])).toBe(1);
    expect(output).toBe('');
    expect(complaints).toContain(`framewright: conformance: cannot write ${path}: ENOENT`);
  });

  it('takes no file for verdicts that is something else', async () => {
    const path = join(servers.folder, 'other.json');
    writeFileSync(path, '{"a": 1}');
    expect(await conformance.run(['--url', 'ws://a', '--expect', path])).toBe(2);
    expect(complaints).toContain('expected the results of exactly one agent');
  });
});
