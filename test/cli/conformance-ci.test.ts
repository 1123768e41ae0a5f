/** `framewright conformance` as a CI uses it: the program under test, what is known, configuration files, and reports. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { selfSignedCertificate } from '../../src/cli/self-signed.ts';
import { holdEchoServers } from './echo-servers.ts';
import { runCaptured } from './run-captured.ts';

const servers = holdEchoServers();

const inFolder = (name: string): string => join(servers.folder, name);
const conformance = (...args: string[]) => runCaptured('conformance', ...args);

/** A socket of its own: no two tests meet at it, as they might at a port that is free for now. */
const socketIn = (name: string): { path: string; url: string } => ({
  path: inFolder(name),
  url: `ws+unix:${inFolder(name)}`,
});

/** A program in the folder that has `ws` at hand. @returns the command line that runs it */
function program(name: string, source: string): string {
  const path = inFolder(name);
  const ws = JSON.stringify(createRequire(import.meta.url).resolve('ws'));
  writeFileSync(path, `const { WebSocket, WebSocketServer } = require(${ws});\n${source}`);
  return `"${process.execPath}" "${path}"`;
}

/**
 * Cases that pass whatever the testee does: where that is another process, a busy machine may give it no time, and these
 * tests are not about verdicts.
 */
const ANY_ANSWER = '7.13.1,7.13.2';

describe('framewright conformance --command', () => {
  it('starts a server, tests it once it answers, and stops it with what it has started', async () => {
    const { path, url } = socketIn('command');
    const inner = program(
      'server.cjs',
      `setTimeout(() => {
        const server = require('node:http').createServer().listen(${JSON.stringify(path)});
        const echo = new WebSocketServer({ server });
        echo.on('connection', (socket) => {
          socket.on('message', (data, binary) => socket.send(data, { binary })).on('error', () => {});
        });
      }, 100);`,
    );
    const outer = program(
      'outer.cjs',
      `require('node:child_process').spawn(${JSON.stringify(inner)}, { shell: true });`,
    );
    const { status, stdout, stderr } = await conformance('--url', url, '--cases', ANY_ANSWER, '--command', outer);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/\n2 cases in \d+\.\d s: 0 OK, 2 informational\n$/);
    const refused = await new Promise((resolve) => {
      connect(path)
        .on('connect', () => resolve(false))
        .on('error', () => resolve(true));
    });
    expect(refused).toBe(true);
  });

  it('shows what a server has printed that does not come up', async () => {
    const { path, url } = socketIn('failing');
    const failing = program('failing.cjs', `console.log('the port is missing'); process.exitCode = 3;`);
    const { status, stdout, stderr } = await conformance('--url', url, '--command', failing);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain(
      `framewright: conformance: the command ended with status 3 before anything answered at ${path}; ` +
        'the last of what it has printed:\nthe port is missing\n',
    );
  });

  it('gives one that never listens so much time, and ends it', async () => {
    const { url } = socketIn('idle');
    const idle = program('idle.cjs', 'setInterval(() => {}, 1000);');
    const { status, stderr } = await conformance('--url', url, '--command', idle, '--command-timeout', '1');
    expect(status).toBe(1);
    expect(stderr).toContain(
      'within 1 s: does the command listen there? --command-timeout gives it longer; it has printed nothing\n',
    );
  });

  it('tests nobody else who listens there', async () => {
    const { status, stderr } = await conformance('--url', servers.good.url, '--command', 'exit 0');
    expect(status).toBe(1);
    expect(stderr).toContain(
      `something listens at ${new URL(servers.good.url).host} already, and would be tested in place of`,
    );
  });

  it('says that a server has gone, and takes nothing of it into the baseline', async () => {
    const { path, url } = socketIn('going');
    const going = program(
      'going.cjs',
      `const server = require('node:http').createServer().listen(${JSON.stringify(path)});
      let connections = 0;
      new WebSocketServer({ server }).on('connection', (socket) => {
        if (++connections === 1) return;
        server.close();
        socket.terminate();
      });`,
    );
    const baseline = inFolder('gone.json');
    const update = ['--baseline', baseline, '--update-baseline', '--reason', 'none'];
    const { status, stderr } = await conformance('--url', url, '--cases', '2.2', '--command', going, ...update);
    expect(status).toBe(1);
    expect(stderr).toContain(`went away while it was tested; ${baseline} stays as it was\n`);
    expect(existsSync(baseline)).toBe(false);
  });

  it.skipIf(process.platform === 'win32')('waits, when it is stopped, until the command has gone', async () => {
    const { url } = socketIn('slow');
    const [started, ended] = [inFolder('slow.started'), inFolder('slow.ended')];
    const slow = program(
      'slow.cjs',
      `const { writeFileSync } = require('node:fs');
        process.on('SIGTERM', () => process.exit(writeFileSync(${JSON.stringify(ended)}, '')));
        writeFileSync(${JSON.stringify(started)}, '');
        setInterval(() => {}, 1000);`,
    );
    const exits: unknown[] = [];
    const exit = vi.spyOn(process, 'exit').mockImplementation((status) => {
      exits.push(status, existsSync(ended));
      return undefined as never;
    });
    const run = conformance('--url', url, '--command', slow);
    await vi.waitFor(() => expect(existsSync(started)).toBe(true), { timeout: 60_000 });
    process.emit('SIGTERM', 'SIGTERM');
    expect((await run).stderr).toBe('');
    await vi.waitFor(() => expect(exits).toEqual([143, true]), { timeout: 60_000 });
    exit.mockRestore();
  });

  it('runs a client, which finds the address in its environment', async () => {
    const client = program(
      'client.cjs',
      `const url = process.env.FRAMEWRIGHT_URL;
      const ask = (path) => new Promise((resolve) => {
        const socket = new WebSocket(url + path);
        socket.on('message', (data, binary) => (path.startsWith('/run') ? socket.send(data, { binary }) : 0));
        socket.on('error', () => {});
        socket.on('close', resolve);
      });
      ask('/runCase?case=1&agent=mine').then(() => ask('/updateReports?agent=mine'));`,
    );
    const { status, stdout, stderr } = await conformance(
      '--serve',
      '--port',
      '0',
      '--cases',
      '7.13.1',
      '--command',
      client,
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout.match(/Conformance of mine/g)).toHaveLength(1);
  });

  it('says when the client has failed', async () => {
    const client = program('broken-client.cjs', `console.error('cannot connect'); process.exitCode = 1;`);
    const { status, stderr } = await conformance('--serve', '--port', '0', '--command', client);
    expect(status).toBe(1);
    expect(stderr).toBe(
      'framewright: conformance: the command ended with status 1; the last of what it has printed:\ncannot connect\n',
    );
  });
});

describe('framewright conformance --baseline', () => {
  it('is written, wants its reasons, and is then what passes', async () => {
    const path = inFolder('baseline.json');
    const test = (url: string, ...more: string[]) =>
      conformance('--url', url, '--cases', '5.3,5.4,2.2', '--baseline', path, ...more);
    const written = await test(servers.bad.url, '--update-baseline');
    expect(written.status).toBe(0);
    expect(written.stdout).toContain(`${path} has 2 rows now: write a reason into 2 of them.\n`);
    const unreasoned = await test(servers.bad.url);
    expect(unreasoned.status).toBe(2);
    expect(unreasoned.stderr).toContain('case 5.3 has no reason: write into "reason" why it may be FAILED, close OK');
    expect((await test(servers.bad.url, '--update-baseline', '--reason', 'known upstream')).status).toBe(0);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      '5.3': { behavior: 'FAILED', reason: 'known upstream' },
    });
    const known = await test(servers.bad.url);
    expect(known.status).toBe(0);
    expect(known.stdout).toMatch(/All verdicts are as the baseline has them, 2 not passing\.\n$/);
    const fixed = await test(servers.good.url);
    expect(fixed.status).toBe(1);
    expect(fixed.stdout).toMatch(/\n5\.3 {2}passes now, and the baseline has FAILED, close OK: take its row out,/);
  });
});

describe('framewright conformance --spec', () => {
  it('tests several servers, and writes what Autobahn writes', async () => {
    const gone = socketIn('gone');
    const spec = {
      outdir: inFolder('servers'),
      servers: [
        { agent: 'Good/1', url: servers.good.url },
        { agent: 'Gone', url: gone.url },
        { agent: 'Bad/1', url: servers.bad.url, options: { autoFragmentSize: 1 } },
      ],
      cases: ['5.3', '5.4', '2.1*'],
      'exclude-cases': ['2.1', '2.11'],
      'exclude-agent-cases': { 'Bad*': ['5.4'] },
    };
    writeFileSync(inFolder('fuzzingclient.json'), JSON.stringify(spec));
    const { status, stdout, stderr } = await conformance('--spec', inFolder('fuzzingclient.json'));
    expect(status).toBe(1);
    expect(stderr).toContain('fuzzingclient.json: "autoFragmentSize" has no effect here\n');
    expect(stderr).toContain(`${gone.url}: there is no such socket (ENOENT)`);
    expect(stdout).toMatch(/Conformance of Good\/1[\s\S]*Conformance of Bad\/1/);
    const index = JSON.parse(readFileSync(inFolder('servers/index.json'), 'utf8'));
    expect(Object.keys(index)).toEqual(['Good/1', 'Bad/1']);
    expect(Object.keys(index['Good/1'])).toEqual(['2.10', '5.3', '5.4']);
    expect(Object.keys(index['Bad/1'])).toEqual(['2.10', '5.3']);
    const { reportfile } = index['Bad/1']['5.3'];
    expect(reportfile).toBe('bad_1_case_5_3.json');
    expect(JSON.parse(readFileSync(inFolder(`servers/${reportfile}`), 'utf8'))).toMatchObject({ behavior: 'FAILED' });
    expect(readFileSync(inFolder('servers/index.html'), 'utf8')).toMatch(/^<!doctype html>/);
  });

  it('serves clients by a fuzzingserver.json', async () => {
    const spec = { url: 'ws://127.0.0.1:9001', outdir: inFolder('clients'), cases: ['7.13.1'] };
    writeFileSync(inFolder('fuzzingserver.json'), JSON.stringify(spec));
    const client = program(
      'stop.cjs',
      `const socket = new WebSocket(process.env.FRAMEWRIGHT_URL + '/runCase?case=1&agent=mine');
      socket.on('message', (data, binary) => socket.send(data, { binary }));
      socket.on('error', () => {});
      socket.on('close', () => new WebSocket(process.env.FRAMEWRIGHT_URL + '/stopServer'));`,
    );
    const { status } = await conformance('--spec', inFolder('fuzzingserver.json'), '--port', '0', '--command', client);
    expect(status).toBe(0);
    expect(JSON.parse(readFileSync(inFolder('clients/index.json'), 'utf8'))).toMatchObject({ mine: { '7.13.1': {} } });
  });
});

describe('reports of framewright conformance', () => {
  it('are written wherever they are asked for', async () => {
    const names = { html: 'r.html', json: 'r.json', junit: 'r.xml', tap: 'r.tap' };
    const options = Object.entries(names).flatMap(([option, name]) => [`--${option}`, inFolder(name)]);
    const summary = inFolder('summary.md');
    writeFileSync(summary, 'before\n');
    const { GITHUB_STEP_SUMMARY } = process.env;
    process.env.GITHUB_STEP_SUMMARY = summary;
    try {
      expect((await conformance('--url', servers.good.url, '--cases', '2.2', ...options)).status).toBe(0);
    } finally {
      if (GITHUB_STEP_SUMMARY === undefined) delete process.env.GITHUB_STEP_SUMMARY;
      else process.env.GITHUB_STEP_SUMMARY = GITHUB_STEP_SUMMARY;
    }
    for (const name of Object.values(names)) expect(existsSync(inFolder(name))).toBe(true);
    expect(readFileSync(summary, 'utf8')).toMatch(/^before\n## WebSocket conformance\n/);
  });

  it('TAP takes the place of the report on standard output', async () => {
    const { stdout } = await conformance('--url', servers.good.url, '--cases', '2.2', '--tap', '-');
    expect(stdout).toMatch(/^TAP version 13\n1\.\.1\n# .*\nok 1 - 2\.2 ping with text\n$/);
  });

  it.each(['html', 'json', 'junit', 'tap', 'outdir'])(
    'that cannot be written are noticed before the run: --%s',
    async (option) => {
      // Below a file there is no servers.folder, whoever asks.
      const path = join(process.execPath, 'report');
      const { status, stdout, stderr } = await conformance(
        '--url',
        servers.good.url,
        '--cases',
        '2.2',
        `--${option}`,
        path,
      );
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/^framewright: conformance: cannot write .*report/);
    },
  );
});

describe('framewright conformance --url', () => {
  it('--replay prints the handshake and every octet', async () => {
    const { status, stdout } = await conformance('--url', servers.good.url, '--replay', '1.1.6');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^1\.1\.6 {2}.*\n\nexpected {2}text message, 65535 bytes/);
    expect(stdout).toMatch(/→ GET \/ HTTP\/1\.1\n[\s\S]*← HTTP\/1\.1 101 /);
    // Of both messages, masked and not.
    const lines = stdout.split('\n').filter((line) => /^ {12}[0-9a-f]{6} {2}/.test(line));
    expect(lines.length).toBeGreaterThanOrEqual(2 * 4096);
    expect(stdout).toMatch(/2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a {2}\*{16}\n/);
    expect(stdout).toMatch(/\nverdict {3}OK, close OK\n$/);
    expect((await conformance('--url', servers.bad.url, '--replay', '5.3')).status).toBe(1);
  });

  it('sends headers, cookies, a subprotocol and an origin', async () => {
    const seen: Record<string, unknown>[] = [];
    const server = createHttpServer();
    const echo = new WebSocketServer({ server, handleProtocols: () => 'b' });
    echo.on('connection', (socket, request) => {
      seen.push(request.headers);
      socket.on('message', (data, binary) => socket.send(data, { binary }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const { status } = await conformance(
      ...[
        '--url',
        url,
        '--cases',
        '5.3',
        '--header',
        'X-A: 1',
        '--header',
        'X-B:2',
        '--cookie',
        'a=1',
        '--cookie',
        'b=2',
      ],
      ...['--subprotocol', 'a', '--subprotocol', 'b', '--origin', 'https://a.example'],
    );
    expect(status).toBe(0);
    expect(seen.at(-1)).toMatchObject({
      'x-a': '1',
      'x-b': '2',
      cookie: 'a=1; b=2',
      'sec-websocket-protocol': 'a,b',
      origin: 'https://a.example',
    });
    echo.close();
    await new Promise((resolve) => server.close(resolve));
  });

  it.skipIf(process.platform === 'win32')('goes to a unix socket', async () => {
    const path = inFolder('socket');
    const server = createHttpServer();
    const echo = new WebSocketServer({ server, path: '/echo' });
    echo.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect((await conformance('--url', `ws+unix:${path}:/echo`, '--cases', '5.3')).status).toBe(0);
    echo.close();
    await new Promise((resolve) => server.close(resolve));
    const { stderr } = await conformance('--url', `ws+unix:${path}:/echo`, '--cases', '5.3');
    expect(stderr).toContain('there is no such socket (ENOENT): is the server running');
  });
});

describe('framewright conformance --serve --tls', () => {
  const client = (options: string): string =>
    program(
      'tls.cjs',
      `const socket = new WebSocket(process.env.FRAMEWRIGHT_URL + '/runCase?case=1&agent=mine', ${options});
      socket.on('message', (data, binary) => socket.send(data, { binary }));
      socket.on('error', (error) => (process.exitCode = /status code/.test(error.message) ? 0 : 1));`,
    );

  it('has a certificate of its own', async () => {
    const test = ['--serve', '--port', '0', '--tls', '--cases', '7.13.1', '--command'];
    const { status, stdout } = await conformance(...test, client('{ rejectUnauthorized: false }'));
    expect(stdout).toMatch(/^framewright: 1 case for clients at wss:\/\/127\.0\.0\.1:\d+\n/);
    expect(status).toBe(0);
  });

  it('or one that is given, which a client may trust', async () => {
    const { cert, key } = selfSignedCertificate();
    writeFileSync(inFolder('cert.pem'), cert);
    writeFileSync(inFolder('key.pem'), key);
    const given = ['--cert', inFolder('cert.pem'), '--key', inFolder('key.pem')];
    const trusting = client(`{ ca: ${JSON.stringify(cert)} }`);
    const { status } = await conformance(
      '--serve',
      '--port',
      '0',
      ...given,
      '--cases',
      '7.13.1',
      '--command',
      trusting,
    );
    expect(status).toBe(0);
  });

  it('and --ca trusts it from the other side', async () => {
    const { cert, key } = selfSignedCertificate();
    const { createServer: createHttpsServer } = await import('node:https');
    const server = createHttpsServer({ cert, key });
    const echo = new WebSocketServer({ server });
    echo.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `wss://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    writeFileSync(inFolder('ca.pem'), cert);
    const test = ['--url', url, '--cases', '5.3'];
    expect((await conformance(...test)).stderr).toContain('as --insecure does; ca, or --ca FILE, names one to trust');
    expect((await conformance(...test, '--insecure')).status).toBe(0);
    expect((await conformance(...test, '--ca', inFolder('ca.pem'))).status).toBe(0);
    expect((await conformance(...test, '--ca', inFolder('ca.pem'), '--servername', 'localhost')).status).toBe(0);
    const { stderr } = await conformance(...test, '--ca', inFolder('ca.pem'), '--servername', 'other.example');
    expect(stderr).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    echo.close();
    await new Promise((resolve) => server.close(resolve));
  });
});
