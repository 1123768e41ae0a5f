import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ipPacket, pcap, TcpScript } from '../support/captures.ts';
import { framewright, outcomeOf, start } from './framewright.ts';
import { runCaptured } from './run-captured.ts';

const HELLO = '818537fa213d7f9f4d5158';
const REQUEST =
  'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n';
const RESPONSE =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n' +
  'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n';

let folder: string;
const file = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'framewright-'));
  writeFileSync(file('raw.bin'), Buffer.from(HELLO, 'hex'));
  writeFileSync(file('hex.txt'), '81 85 37 fa 21 3d\n7f 9f 4d 51 58\n');
  writeFileSync(file('typo.txt'), '81 85 37 fa 21 3d\n7f 9q');
  writeFileSync(file('empty'), '');
  writeFileSync(file('bom.txt'), '\ufeff81 85 37 fa\u00a021 3d 7f 9f–4d 51 58 …\n');
  writeFileSync(file('xxd.txt'), '00000000: 8185 37fa 213d 7f9f 4d51 58              ..7.!=..MQX\n');
  writeFileSync(file('wireshark.txt'), '0000   81 85 37 fa 21 3d 7f 9f 4d 51 58   ..7.!=..MQX\n');
  writeFileSync(file('od.txt'), '000000 81 85 37 fa 21 3d 7f 9f 4d 51 58\n00000b\n');
  writeFileSync(file('deflate.bin'), Buffer.concat([Buffer.from(RESPONSE), Buffer.from('c107f248cdc9c90700', 'hex')]));
  const script = new TcpScript().open().send('client', REQUEST).send('server', RESPONSE);
  script.send('client', Buffer.from(HELLO, 'hex')).send('server', Buffer.from('c107f248cdc9c90700', 'hex'));
  script.send('server', Buffer.from('8300810141', 'hex')).send('server', Buffer.from('880203e8', 'hex'));
  const capture = pcap(script.segments.map((segment) => ipPacket(segment)));
  writeFileSync(file('chat.pcap'), capture);
  writeFileSync(file('chat.pcap.gz'), gzipSync(capture));
  writeFileSync(file('cut.gz'), gzipSync(HELLO).subarray(0, 12));
  writeFileSync(file('none.pcap'), pcap([]));
  const messages = [
    { type: 'send', time: 1_700_000_000.5, opcode: 1, data: 'Hello' },
    { type: 'receive', time: 1_700_000_000_600, opcode: 2, data: 'AQID' },
    { type: 'error', time: 1_700_000_001, opcode: -1, data: 'it broke' },
  ];
  const entries = [{ request: { url: 'ws://a/' }, _webSocketMessages: messages }, { request: { url: 'http://a/' } }];
  writeFileSync(file('messages.har'), JSON.stringify({ log: { version: '1.2', entries } }));
  writeFileSync(file('traffic.har'), '{ "log": { "version": "1.2", "entries": [] } }');
  writeFileSync(file('head.txt'), 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n');
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('framewright decode: where the bytes come from', () => {
  const rows: [title: string, args: () => string[]][] = [
    ['hex', () => [HELLO]],
    ['hex over several arguments', () => ['81', '85', '37fa213d', '7f 9f', '4d5158']],
    ['a file of raw bytes', () => [file('raw.bin')]],
    ['a file of hex', () => [file('hex.txt')]],
    ['a file of hex with a byte order mark, a no-break space, a dash and an ellipsis', () => [file('bom.txt')]],
    ['a file that xxd wrote', () => [file('xxd.txt')]],
    ['a file that Wireshark wrote', () => [file('wireshark.txt')]],
    ['a file that od -A x -t x1 wrote', () => [file('od.txt')]],
    ['hex with an offset, as an argument', () => ['00000000: 8185 37fa 213d 7f9f 4d51 58']],
    ['a file of raw bytes, with --raw', () => ['--raw', file('raw.bin')]],
  ];
  for (const [title, args] of rows) {
    it(title, async () => {
      const { status, stdout, stderr } = await runCaptured('decode', ...args());
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain('Frame 1 at byte 0: text, 5 bytes, masked');
      expect(stdout).toContain('    "Hello"\n');
      expect(stdout).toContain('1 frame, all legal\n');
    });
  }

  it('standard input, raw or hex', async () => {
    for (const input of [Buffer.from(HELLO, 'hex'), `${HELLO}\n`, `\ufeff${HELLO.replace('3d', '3d\u00a0')}…`]) {
      const { status, stdout, stderr } = await framewright(['decode', '-'], input);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain('Frame 1 at byte 0: text, 5 bytes, masked');
      expect(stdout).not.toContain('\u001b');
    }
  }, 20_000);

  it('§4.2.2 a text file with an HTTP head is no hex', async () => {
    const { status, stdout } = await runCaptured('decode', file('head.txt'));
    expect(status).toBe(0);
    expect(stdout).toContain('HTTP response, 56 bytes\n  HTTP/1.1 101 Switching Protocols\n');
  });

  const readAs: [args: () => string[], line: string][] = [
    [() => [HELLO], 'Read as: hex text, frames of a client'],
    [() => [file('raw.bin')], 'Read as: raw bytes, frames of a client'],
    [() => [file('xxd.txt')], 'Read as: hex text with offsets (xxd), frames of a client'],
    [() => [file('head.txt')], 'Read as: raw bytes, the response of the handshake'],
  ];
  for (const [args, line] of readAs) {
    it(`says so: ${line}`, async () => {
      expect((await runCaptured('decode', ...args())).stdout.split('\n')[0]).toBe(line);
      expect(JSON.parse((await runCaptured('decode', '--json', ...args())).stdout).readAs).toBe(line.slice(9));
    });
  }

  it('RFC 7692 §5.1 behind a 101 that agrees to permessage-deflate, compressed frames are legal without --deflate', async () => {
    const { status, stdout } = await runCaptured('decode', file('deflate.bin'));
    expect(status).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'then frames of a server, permessage-deflate (as the response agrees) ',
    );
    expect(stdout).toContain('compressed (RFC 7692 §6.1)');
  });

  it('--raw takes text as bytes', async () => {
    const { status, stdout } = await runCaptured('decode', '--raw', file('hex.txt'));
    expect(status).toBe(1);
    expect(stdout).toContain('RSV2 and RSV3 must be clear');
  });
});

describe('framewright decode: what it says', () => {
  it('§5.1 stops at a violation, names it, and exits with 1', async () => {
    const { status, stdout } = await runCaptured('decode', '--role', 'server', '8100 8100');
    expect(status).toBe(1);
    expect(stdout).toContain('Violation: Invalid WebSocket frame: MASK must be set\n  rule      RFC 6455 §5.1 (');
    expect(stdout).not.toContain('Frame 2');
  });

  it('§5.2 says what is missing, and exits with 1', async () => {
    const { status, stdout } = await runCaptured('decode', '8105 4865');
    expect(status).toBe(1);
    expect(stdout).toContain('Incomplete: the bytes end inside a frame: 3 bytes of 5 of its payload missing\n');
  });

  it('--json: the findings, whole', async () => {
    const { status, stdout } = await runCaptured('decode', '--json', '8300');
    expect(status).toBe(1);
    const view = JSON.parse(stdout);
    expect(view).toMatchObject({ role: 'client', violation: { id: 'reservedOpcode', offset: 0, closeCode: 1002 } });
    expect(view.frames[0].fields[4]).toMatchObject({ name: 'opcode', wire: '0011', isFault: true });
  });

  it('RFC 7692 §6.1 --deflate allows RSV1', async () => {
    expect((await runCaptured('decode', 'c100')).status).toBe(1);
    const { status, stdout } = await runCaptured('decode', '--deflate', 'c100');
    expect(status).toBe(0);
    expect(stdout).toContain('compressed (RFC 7692 §6.1)');
  });

  it('§5.2 --strict refuses lengths that are not minimal', async () => {
    expect((await runCaptured('decode', '827e0000')).status).toBe(0);
    expect((await runCaptured('decode', '--strict', '827e0000')).stdout).toContain('lengthNotMinimal');
  });

  it('--all prints payloads to their end', async () => {
    const hex = `827e0101${'00'.repeat(257)}`;
    expect((await runCaptured('decode', hex)).stdout).toContain('… and 1 more byte\n');
    expect((await runCaptured('decode', '--all', hex)).stdout).toContain('    0100  00 ');
  });

  it('a reader that goes away early is no error', async () => {
    const child = start(['decode', '-']);
    const outcome = outcomeOf(child);
    child.stdout.once('data', () => child.stdout.destroy());
    child.stdin.on('error', () => {});
    child.stdin.end(Buffer.alloc(8_000, Buffer.from('8a00', 'hex')));
    const [{ status, stderr }] = await Promise.all([outcome, once(child, 'exit')]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

describe('framewright decode: captures and HAR files', () => {
  const lines = (text: string) => text.trimEnd().split('\n');

  it('a line for each frame, up to a violation', async () => {
    for (const name of ['chat.pcap', 'chat.pcap.gz']) {
      const { status, stdout, stderr } = await runCaptured('decode', file(name));
      expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
      expect(lines(stdout)).toEqual([
        'WebSocket 1: 10.0.0.1:50000 → 10.0.0.2:80',
        '  GET / HTTP/1.1  (permessage-deflate)',
        '  HTTP/1.1 101 Switching Protocols  (permessage-deflate)',
        '2023-11-14T22:13:20.005Z  #1 → text, 5 bytes, masked  "Hello"',
        '2023-11-14T22:13:20.006Z  #1 ← text, 7 bytes  (5 bytes inflated, ratio 0.71)  "Hello"',
        '2023-11-14T22:13:20.007Z  #1 ← reserved data, 0 bytes',
        expect.stringContaining(
          '  Violation: Invalid WebSocket frame: invalid opcode 3 (RFC 6455 §5.2, reservedOpcode)',
        ),
        '#1 ← nothing is read once the connection has failed (--all reads on)',
        '1 WebSocket in 9 packets',
      ]);
    }
  });

  it('--all reads on, and --fields shows every bit', async () => {
    const { stdout } = await runCaptured('decode', '--all', file('chat.pcap'));
    expect(stdout).toContain('#1 ← text, 1 byte  "A"\n');
    expect(stdout).toContain('#1 ← close, 2 bytes  1000 Normal Closure\n');
    const fields = await runCaptured('decode', '--fields', file('chat.pcap'));
    expect(fields.stdout).toContain('HTTP request, ');
    expect(fields.stdout).toContain('#1 client → server  Frame 1 at byte ');
    expect(fields.stdout).toContain('payload length  §5.2    0000101     5 bytes, said in 7 bits\n');
  });

  it('--json: an object for each message', async () => {
    const { stdout, stderr } = await runCaptured('decode', '--all', '--json', file('chat.pcap'));
    expect(stderr).toBe('framewright: 1 WebSocket in 9 packets\n');
    const objects = lines(stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(objects.map(({ direction, opcode, length, text }) => [direction, opcode, length, text])).toEqual([
      ['clientToServer', 1, 5, 'Hello'],
      ['serverToClient', 1, 5, 'Hello'],
      ['serverToClient', 3, 0, ''],
      ['serverToClient', 1, 1, 'A'],
      ['serverToClient', 8, 2, ''],
    ]);
    expect(objects[1]).toMatchObject({ compressedLength: 7, ratio: 0.71, connection: 1 });
    expect(objects[2]).toMatchObject({ violation: { id: 'reservedOpcode', section: 'RFC 6455 §5.2' } });
    expect(objects[4]).toMatchObject({ code: 1000, type: 'close' });
  });

  it('a capture without a WebSocket says so', async () => {
    const { status, stdout } = await runCaptured('decode', file('none.pcap'));
    expect({ status, stdout }).toEqual({ status: 1, stdout: 'no WebSocket in 0 packets\n' });
  });

  it('a HAR file, with seconds and milliseconds, Base64 and an error', async () => {
    const { status, stdout } = await runCaptured('decode', file('messages.har'));
    expect(status).toBe(0);
    expect(lines(stdout)).toEqual([
      'Read as: a HAR file',
      '',
      'WebSocket 1: ws://a/',
      '  only its messages were recorded, not its frames',
      '2023-11-14T22:13:20.500Z  #1 → text, 5 bytes, masked  "Hello"',
      '2023-11-14T22:13:20.600Z  #1 ← binary, 3 bytes  01 02 03',
      '2023-11-14T22:13:21.000Z  #1 it broke',
    ]);
    const json = await runCaptured('decode', '--json', file('messages.har'));
    expect(JSON.parse(lines(json.stdout)[1]!)).toMatchObject({
      direction: 'serverToClient',
      opcode: 2,
      length: 3,
      hex: '010203',
    });
  });

  it('both directions at once, marked', async () => {
    const { status, stdout } = await runCaptured('decode', `> ${HELLO}\n< 810548656c6c6f`);
    expect(status).toBe(0);
    expect(stdout).toContain('Read as: both directions, hex text\n');
    expect(stdout).toContain('client → server  Frame 1 at byte 0: text, 5 bytes, masked\n');
    expect(stdout).toContain('client ← server  Frame 1 at byte 0: text, 5 bytes\n');
    const json = await runCaptured('decode', '--json', `> ${HELLO}\n< 810548656c6c6f`);
    expect(lines(json.stdout).map((line) => JSON.parse(line).direction)).toEqual(['clientToServer', 'serverToClient']);
  });
});

describe('framewright decode: arguments that are wrong', () => {
  const rows: [title: string, args: () => string[], message: string][] = [
    ['none', () => [], 'give bytes as hex, the name of a file, or - for standard input'],
    ['neither hex nor a file', () => ['8g'], '"8g" is no file, and no hex either: "g" (character 2) stands where'],
    ['several, not hex', () => ['81', 'zz'], 'the arguments are not hex: "z" (character 4) is not a hex digit'],
    [
      'a file with a typo in its hex',
      () => [file('typo.txt')],
      'looks like hex, but: "q" (line 2, character 5) stands',
    ],
    ['a HAR without messages', () => [file('traffic.har')], 'This is a HAR file without WebSocket messages'],
    ['a key log that is not there', () => ['--keys', file('none'), file('chat.pcap')], 'cannot read the key log'],
    ['a key log that is none', () => ['--keys', file('hex.txt'), file('chat.pcap')], 'is no key log'],
    ['gzip that is cut off', () => [file('cut.gz')], 'cut.gz cannot be unpacked: unexpected end of file'],
    ['a pcap as hex', () => ['d4c3b2a1 02000400'], 'This is a pcap capture of packets, in hex'],
    ['a file without content', () => [file('empty')], 'holds no bytes'],
    ['a folder', () => [folder], `cannot read ${tmpdir()}`],
    ['a role that there is not', () => ['--role', 'proxy', '8100'], '--role takes server, client or auto, not "proxy"'],
    ['an option that there is not', () => ['--frob', '8100'], "Unknown option '--frob'"],
    ['an option without its value', () => ['8100', '--role'], "Option '--role <value>' argument missing"],
  ];
  for (const [title, args, message] of rows) {
    it(title, async () => {
      const { status, stdout, stderr } = await runCaptured('decode', ...args());
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^framewright: decode: /);
      expect(stderr).toContain(message);
      expect(stderr).toContain('See "framewright decode --help".\n');
    });
  }
});
