/** Connections through TLS and HTTP/2, as Node makes them, written into captures and read out of these. */

import { once } from 'node:events';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type SecureContextOptions, TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { nodeTlsCrypto } from '../../../src/cli/decode/tls-crypto.ts';
import { selfSignedCertificate } from '../../../src/cli/self-signed.ts';
import {
  type CaptureOptions,
  CaptureReader,
  Http2Reader,
  TlsDecryption,
  TlsSecrets,
} from '../../../src/inspector/capture/index.ts';
import { parseHex } from '../../../src/inspector/index.ts';
import {
  interfaceBlock,
  ipPacket,
  pcap,
  secretsBlock,
  sectionHeader,
  simplePacket,
  TcpScript,
} from '../../support/captures.ts';
import { duplexPair } from '../../support/duplex-pair.ts';
import { concat } from '../../support/wire.ts';

const REQUEST =
  'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n\r\n';
const RESPONSE =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n';
const HELLO = parseHex('818537fa213d7f9f4d5158');
const ANSWER = parseHex('810548656c6c6f');

/** Both ends of a connection, and all that they write. */
function recordedPair(): { client: Duplex; server: Duplex; script: TcpScript } {
  const script = new TcpScript().open();
  const [client, server] = duplexPair();
  for (const [name, end] of [
    ['client', client],
    ['server', server],
  ] as const) {
    const write = end.write.bind(end) as (...given: unknown[]) => boolean;
    end.write = (chunk: Uint8Array, ...rest: unknown[]) => {
      script.send(name, new Uint8Array(chunk));
      return write(chunk, ...rest);
    };
  }
  return { client, server, script };
}

const decrypting = (secrets?: TlsSecrets): CaptureOptions => ({ tls: new TlsDecryption(nodeTlsCrypto, secrets) });

function read(file: Uint8Array, options: CaptureOptions) {
  const messages: string[] = [];
  const notes: string[] = [];
  const names: string[] = [];
  const reader = new CaptureReader(
    {
      onWebSocket: ({ name }) => names.push(name),
      onFrames: (_, entries) => {
        for (const { direction, frame } of entries) {
          messages.push(`${direction === 'clientToServer' ? '>' : '<'} ${frame.completed?.text ?? frame.opcodeName}`);
        }
      },
      onNote: (_, text) => notes.push(text),
      onEnd: () => {},
      onUnread: (_, reason) => notes.push(reason),
    },
    { http2: Http2Reader, ...options },
  );
  reader.push(file);
  reader.finish();
  return { messages, notes, names };
}

const packetsOf = (script: TcpScript) => script.segments.map((segment) => ipPacket(segment));

async function talkThroughTls(options: SecureContextOptions): Promise<{ script: TcpScript; keyLog: string }> {
  const { client, server, script } = recordedPair();
  const secureServer = new TLSSocket(server, { isServer: true, ...selfSignedCertificate(), ...options });
  const lines: Buffer[] = [];
  secureServer.on('keylog', (line) => lines.push(line));
  const secureClient = connectTls({ socket: client, rejectUnauthorized: false, ...options });
  secureServer.once('data', () => secureServer.write(Buffer.concat([Buffer.from(RESPONSE), ANSWER])));
  secureClient.write(REQUEST);
  await once(secureClient, 'data');
  const heard = once(secureServer, 'data');
  secureClient.write(HELLO);
  await heard;
  secureClient.destroy();
  secureServer.destroy();
  return { script, keyLog: Buffer.concat(lines).toString() };
}

describe('TLS', () => {
  const versions: [title: string, options: SecureContextOptions][] = [
    ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'].map(
      (ciphers): [string, SecureContextOptions] => [`1.3, ${ciphers}`, { minVersion: 'TLSv1.3', ciphers }],
    ),
    ...['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305', 'AES128-CCM'].map(
      (name): [string, SecureContextOptions] => [
        `1.2, ${name}`,
        { maxVersion: 'TLSv1.2', ciphers: `ECDHE-ECDSA-${name}` },
      ],
    ),
  ];
  for (const [title, options] of versions) {
    it(title, async () => {
      const { script, keyLog } = await talkThroughTls(options);
      const secrets = new TlsSecrets();
      secrets.add(keyLog);
      const packets = packetsOf(script);
      const found = read(pcap(packets), decrypting(secrets));
      expect(found).toEqual({
        messages: ['< Hello', '> Hello'],
        notes: [],
        names: ['10.0.0.1:50000 → 10.0.0.2:80 (TLS)'],
      });
      const blocks = packets.map((packet) => simplePacket(packet));
      const file = concat(sectionHeader(), secretsBlock(keyLog), interfaceBlock(101), ...blocks);
      expect(read(file, decrypting()).messages).toEqual(found.messages);
    });
  }

  it('what is missing is said: keys, those of this connection, bytes, the beginning', async () => {
    const { script, keyLog } = await talkThroughTls({ minVersion: 'TLSv1.3' });
    const packets = packetsOf(script);
    const notesOf = (some: readonly Uint8Array[], options: CaptureOptions) => read(pcap(some), options).notes;
    expect(notesOf(packets, {})).toEqual(['it is encrypted (TLS)']);
    expect(notesOf(packets, decrypting())).toEqual(['it is encrypted (TLS), and there is no key log']);
    const others = new TlsSecrets();
    others.add(`CLIENT_RANDOM ${'00'.repeat(32)} ${'00'.repeat(48)}\n`);
    expect(notesOf(packets, decrypting(others))).toEqual(['it is encrypted (TLS), and the key log has no keys for it']);
    const wrong = new TlsSecrets();
    wrong.add(keyLog.replace(/(SERVER_HANDSHAKE\S+ \S+ )\S+/, `$1${'00'.repeat(32)}`));
    expect(notesOf(packets, decrypting(wrong))).toEqual(['it is encrypted (TLS), and the keys do not fit']);
    const secrets = new TlsSecrets();
    secrets.add(keyLog);
    expect(notesOf(packets.slice(-3), decrypting(secrets))[0]).toContain('its handshake is not in the capture');
  });
});

describe('HTTP/2', () => {
  it('RFC 8441 §5 streams of extended CONNECT, beside others, with the tables of HPACK', async () => {
    const { client, server, script } = recordedPair();
    const http2 = createHttp2Server({ settings: { enableConnectProtocol: true } });
    http2.on('stream', (stream, headers) => {
      stream.respond({ ':status': headers[':path'] === '/no' ? 403 : 200, 'x-same': 'a value that comes again: ~{}|' });
      if (headers[':method'] === 'GET') stream.end('page');
      else stream.on('data', () => stream.write(ANSWER));
    });
    http2.emit('connection', server);
    const session = connectHttp2('http://localhost', { createConnection: () => client });
    await once(session, 'remoteSettings');
    const page = session.request({ ':path': '/page', 'x-long': 'ä'.repeat(10) });
    page.resume();
    await once(page, 'end');
    for (const path of ['/a', '/b', '/no']) {
      const stream = session.request({
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'http',
        ':path': path,
        'sec-websocket-version': '13',
      });
      await once(stream, 'response');
      if (path !== '/no') {
        stream.write(HELLO);
        await once(stream, 'data');
      }
      stream.close();
    }
    session.destroy();
    http2.close();
    const found = read(pcap(packetsOf(script)), {});
    expect(found.messages).toEqual(['> Hello', '< Hello', '> Hello', '< Hello']);
    expect(found.names).toHaveLength(3);
    expect(found.names[0]).toMatch(/^10\.0\.0\.1:50000 → 10\.0\.0\.2:80, HTTP\/2 stream \d+$/);
    expect(found.notes).toEqual([]);
  });

  it('a header block that cannot be read ends it, and says so', () => {
    const script = new TcpScript().open().send('client', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    script.send('client', parseHex('000001 01 04 00000001 ff'));
    expect(read(pcap(packetsOf(script)), {}).notes).toEqual([
      'its HTTP/2 cannot be read: a header block cannot be read: the block is cut off',
    ]);
  });
});
