/** Captures, from the bytes of a file to the messages in it. */

import { describe, expect, it } from 'vitest';
import { type CaptureOptions, CaptureReader } from '../../../src/inspector/capture/index.ts';
import { encodeFrame } from '../../../src/protocol/index.ts';
import {
  ACK,
  addressesOf,
  type Ends,
  enhancedPacket,
  FIN,
  IPV4_ENDS,
  IPV6_ENDS,
  interfaceBlock,
  ipPacket,
  ipv4,
  ipv6,
  LINKS,
  pcap,
  pcapng,
  RST,
  type Segment,
  START_SECONDS,
  sectionHeader,
  simplePacket,
  TcpScript,
  tcpBytes,
} from '../../support/captures.ts';
import { concat } from '../../support/wire.ts';

const utf8 = new TextEncoder();
const REQUEST =
  'GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n\r\n';
const RESPONSE =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n';

const fromClient = (text: string, byte0 = 0x81) => encodeFrame(byte0, utf8.encode(text), 0x01020304);
const fromServer = (text: string, byte0 = 0x81) => encodeFrame(byte0, utf8.encode(text));

/** A handshake, "ping-1" and its answer "pong-1", "ping-2" and "pong-2", and the end. */
function chat(script = new TcpScript()): TcpScript {
  script.open().send('client', REQUEST).send('server', RESPONSE);
  for (const number of [1, 2]) {
    script.send('client', fromClient(`ping-${number}`)).send('server', fromServer(`pong-${number}`));
  }
  return script.close();
}

const CHAT = ['1 > ping-1', '1 < pong-1', '1 > ping-2', '1 < pong-2'];

interface Found {
  /** `1 > Hello`: connection, direction, text. */
  readonly messages: string[];
  readonly times: (number | undefined)[];
  readonly names: string[];
  readonly notes: string[];
  readonly violations: string[];
  readonly fault: string | undefined;
}

function read(file: Uint8Array, options: CaptureOptions = {}, pieceBytes = file.length): Found {
  const found = { messages: [], times: [], names: [], notes: [], violations: [] } as {
    [Name in Exclude<keyof Found, 'fault'>]: unknown[];
  };
  const reader = new CaptureReader(
    {
      onWebSocket: ({ name }) => found.names.push(name),
      onFrames({ number }, entries) {
        for (const { direction, frame, atMs } of entries) {
          if (frame.violation !== undefined) found.violations.push(frame.violation.id);
          if (frame.completed === undefined) continue;
          const { text, type } = frame.completed;
          found.messages.push(`${number} ${direction === 'clientToServer' ? '>' : '<'} ${text ?? type}`);
          found.times.push(atMs);
        }
      },
      onNote: ({ number }, text) => found.notes.push(`${number} ${text}`),
      onEnd: () => {},
      onUnread: (name, reason) => found.notes.push(`${name}: ${reason}`),
    },
    options,
  );
  for (let at = 0; at < file.length; at += pieceBytes) reader.push(file.subarray(at, at + pieceBytes));
  reader.finish();
  return { ...(found as unknown as Found), fault: reader.fault };
}

const packetsOf = (segments: readonly Segment[], ends?: Ends) => segments.map((segment) => ipPacket(segment, ends));
const readSegments = (segments: readonly Segment[], ends?: Ends) => read(pcap(packetsOf(segments, ends)));

describe('files', () => {
  const packets = packetsOf(chat().segments);
  const files: [title: string, file: Uint8Array][] = [true, false].flatMap((isLittle) =>
    [true, false].flatMap((isNano): [string, Uint8Array][] => {
      const title = `${isLittle ? 'little' : 'big'}-endian, ${isNano ? 'nano' : 'micro'}seconds`;
      return [
        [`pcap, ${title}`, pcap(packets, { isLittle, isNano })],
        [`pcapng, ${title}`, pcapng(packets, { isLittle, isNano })],
      ];
    }),
  );
  for (const [title, file] of files) {
    it(`${title}, in one piece and byte by byte`, () => {
      for (const pieceBytes of [file.length, 1]) {
        const found = read(file, {}, pieceBytes);
        expect(found.messages).toEqual(CHAT);
        expect(found.times[0]).toBeCloseTo(START_SECONDS * 1000 + 5, 2);
        expect(found.fault).toBeUndefined();
      }
    });
  }

  it('pcapng with several sections, of either byte order, interfaces and blocks without time', () => {
    const half = packets.length / 2;
    const first = packets.slice(0, half).map((packet) => simplePacket(packet, false));
    const second = packets.slice(half).map((packet) => enhancedPacket(LINKS.Ethernet!.wrap(packet), 0n, true, 1));
    const file = concat(
      sectionHeader(false),
      interfaceBlock(101, false),
      ...first,
      sectionHeader(true),
      interfaceBlock(0),
      interfaceBlock(1),
      ...second,
    );
    expect(read(file).messages).toEqual(CHAT);
  });

  it('a file that is cut off, and one that is damaged, give what stands before', () => {
    const file = pcap(packets);
    const cut = read(file.subarray(0, file.length - 10));
    expect(cut.messages).toEqual(CHAT);
    expect(cut.fault).toBe('the file ends inside a packet');
    const damaged = concat(file, new Uint8Array(16).fill(0xff), new Uint8Array(100));
    expect(read(damaged)).toMatchObject({ messages: CHAT, fault: expect.stringContaining('damaged') });
    const blocks = concat(pcapng(packets), Uint8Array.of(6, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f), new Uint8Array(100));
    expect(read(blocks)).toMatchObject({ messages: CHAT, fault: expect.stringContaining('damaged') });
  });
});

describe('packets', () => {
  for (const [title, { linkType, wrap }] of Object.entries(LINKS)) {
    it(`${title}, IPv4 and IPv6`, () => {
      for (const ends of [IPV4_ENDS, IPV6_ENDS]) {
        const packets = packetsOf(chat().segments, ends).map(wrap);
        expect(read(pcap(packets, { linkType })).messages).toEqual(CHAT);
      }
    });
  }

  it('options of IPv4 and TCP, extension headers of IPv6', () => {
    const options = [1, 1, 1, 1];
    const v4 = chat().segments.map((segment) => {
      const [source, destination] = addressesOf(segment, IPV4_ENDS);
      return ipv4(tcpBytes(segment, IPV4_ENDS, options), source, destination, { options });
    });
    expect(read(pcap(v4)).messages).toEqual(CHAT);
    const hopByHop = [60, 0, 1, 4, 0, 0, 0, 0];
    const destinationOptions = [43, 1, ...new Array<number>(14).fill(0)];
    const routing = [6, 0, 0, 0, 0, 0, 0, 0];
    const v6 = chat().segments.map((segment) => {
      const [source, destination] = addressesOf(segment, IPV6_ENDS);
      const headers = Uint8Array.from([...hopByHop, ...destinationOptions, ...routing]);
      return ipv6(concat(headers, tcpBytes(segment, IPV6_ENDS)), source, destination, 0);
    });
    expect(read(pcap(v6)).messages).toEqual(CHAT);
  });

  it('fragments, in any order, some of them twice', () => {
    const v4 = chat().segments.flatMap((segment, id) => {
      const [source, destination] = addressesOf(segment, IPV4_ENDS);
      const tcp = tcpBytes(segment, IPV4_ENDS);
      const first = ipv4(tcp.subarray(0, 16), source, destination, { id, hasMore: true });
      const second = ipv4(tcp.subarray(16), source, destination, { id, fragmentAt: 16 });
      return [second, first, first];
    });
    expect(read(pcap(v4)).messages).toEqual(CHAT);
    const v6 = chat().segments.flatMap((segment, id) => {
      const [source, destination] = addressesOf(segment, IPV6_ENDS);
      const tcp = tcpBytes(segment, IPV6_ENDS);
      const first = concat(Uint8Array.of(6, 0, 0, 1, 0, 0, 0, id), tcp.subarray(0, 16));
      const second = concat(Uint8Array.of(6, 0, 0, 16, 0, 0, 0, id), tcp.subarray(16));
      return [first, second].map((part) => ipv6(part, source, destination, 44));
    });
    expect(read(pcap(v6)).messages).toEqual(CHAT);
  });

  it('the end of a packet that was not captured is a gap', () => {
    const script = new TcpScript().open().send('client', REQUEST).send('server', RESPONSE);
    script.send('server', fromServer('x'.repeat(100))).send('server', fromServer('after'));
    const packets = packetsOf(script.segments);
    packets[5] = packets[5]!.subarray(0, 60);
    const found = read(pcap(packets));
    expect(found.messages).toEqual(['1 < text', '1 < after']);
    expect(found.notes).toEqual(['1 82 bytes of the server are missing in the capture']);
  });
});

describe('TCP connections', () => {
  it('segments that come again, overlap or overtake each other', () => {
    const { segments } = chat();
    expect(readSegments(segments.flatMap((segment) => [segment, segment])).messages).toEqual(CHAT);
    const shuffled = [...segments];
    [shuffled[5], shuffled[7]] = [shuffled[7]!, shuffled[5]!];
    expect(readSegments(shuffled).messages.toSorted()).toEqual(CHAT.toSorted());
    const small = chat(new TcpScript()).segments.flatMap((segment) => {
      const { payload, sequence } = segment;
      if (payload.length < 10) return [segment];
      const first = { ...segment, payload: payload.subarray(0, 8) };
      return [first, { ...segment, sequence: sequence + 4, payload: payload.subarray(4) }];
    });
    expect(readSegments(small).messages).toEqual(CHAT);
  });

  it('sequence numbers that go round', () => {
    expect(readSegments(chat(new TcpScript(0xffff_ff80, 0xffff_ffff)).segments).messages).toEqual(CHAT);
  });

  it('a gap inside a payload costs that message, and one across frames is told', () => {
    const script = new TcpScript().open().send('client', REQUEST).send('server', RESPONSE);
    script
      .send('server', fromServer('y'.repeat(3000)))
      .send('server', fromServer('after'))
      .close();
    const inside = script.segments.filter((_, i) => i !== 6);
    expect(readSegments(inside)).toMatchObject({
      messages: ['1 < text', '1 < after'],
      notes: ['1 1400 bytes of the server are missing in the capture'],
    });
    const across = script.segments.filter((_, i) => i !== 5);
    expect(readSegments(across)).toMatchObject({ messages: ['1 < after'], violations: [] });
  });

  it('several connections, and the same ports again', () => {
    const other = { ...IPV4_ENDS, client: { address: [10, 0, 0, 9], port: 50_001 } };
    const [first, second] = [packetsOf(chat().segments), packetsOf(chat().segments, other)];
    const packets = first.flatMap((packet, i) => [packet, second[i]!]);
    const again = packetsOf(chat(new TcpScript(77_000, 88_000)).segments);
    const found = read(pcap([...packets, ...again]));
    const of = (number: number) => found.messages.filter((message) => message.startsWith(`${number} `));
    for (const number of [1, 2, 3]) expect(of(number)).toEqual(CHAT.map((line) => line.replace('1 ', `${number} `)));
    expect(found.names).toEqual([
      '10.0.0.1:50000 → 10.0.0.2:80',
      '10.0.0.9:50001 → 10.0.0.2:80',
      '10.0.0.1:50000 → 10.0.0.2:80',
    ]);
  });

  it('a capture that begins in the middle, and one of a single direction', () => {
    const middle = readSegments(chat().segments.slice(6));
    expect(middle.messages).toEqual(['1 < pong-1', '1 > ping-2', '1 < pong-2']);
    expect(middle.notes).toEqual(['1 its handshake is not in the capture']);
    for (const from of ['client', 'server'] as const) {
      const some = readSegments(chat().segments.filter((segment) => segment.from === from));
      expect(some.messages).toEqual(CHAT.filter((line) => line.includes(from === 'client' ? '>' : '<')));
    }
  });

  it('an end by RST, and packets behind it', () => {
    const { segments } = chat();
    const reset = { ...segments[5]!, flags: RST, payload: new Uint8Array(0) };
    const found = readSegments([...segments.slice(0, 7), reset, ...segments.slice(7)]);
    expect(found.messages).toEqual(CHAT.slice(0, 2));
    expect([FIN, ACK]).toEqual([1, 16]);
  });
});

describe('HTTP in front', () => {
  it('§4.1 earlier requests, their answers and bodies', () => {
    const script = new TcpScript().open();
    script.send('client', 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /');
    script.send('server', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nHTTP\r\n0\r\n\r\n');
    script.send('client', 'HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n');
    script.send('server', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
    script.send('client', REQUEST).send('server', 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
    script.send('client', REQUEST, 7).send('server', RESPONSE + 'x'.repeat(0), 5);
    script.send('client', fromClient('late'), 3).send('server', fromServer('later'), 2);
    const found = readSegments(script.segments);
    expect(found.messages).toEqual(['2 > late', '2 < later']);
    expect(found.notes).toEqual(['1 the server refuses: HTTP/1.1 401 Unauthorized']);
  });

  it('a tunnel through a proxy', () => {
    const script = new TcpScript().open();
    script.send('client', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n');
    script.send('server', 'HTTP/1.1 200 Connection established\r\n\r\n');
    script.send('client', REQUEST).send('server', RESPONSE).send('client', fromClient('through'));
    script.send('server', fromServer('and back'));
    const found = readSegments(script.segments);
    expect(found).toMatchObject({ messages: ['1 > through', '1 < and back'], notes: [] });
  });

  it('the PROXY protocol, and SOCKS', () => {
    const binary = Uint8Array.from([
      13,
      10,
      13,
      10,
      0,
      13,
      10,
      81,
      85,
      73,
      84,
      10,
      0x21,
      0x11,
      0,
      12,
      ...new Array(12).fill(1),
    ]);
    for (const front of [
      [utf8.encode('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n')],
      [binary],
      [Uint8Array.of(5, 1, 0), Uint8Array.of(5, 1, 0, 1)],
    ]) {
      const script = new TcpScript().open();
      const [last = new Uint8Array(0), ...others] = front.toReversed();
      for (const bytes of others.toReversed()) script.send('client', bytes);
      if (front.length > 1) script.send('client', last).send('client', REQUEST);
      else script.send('client', concat(last, utf8.encode(REQUEST)));
      script.send('server', RESPONSE).send('client', fromClient('behind'));
      expect(readSegments(script.segments)).toMatchObject({ messages: ['1 > behind'], notes: [] });
    }
  });

  it('RFC 7692 §7.2.2 compression that the answer agrees to is followed, with its context', () => {
    const agreed = 'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n';
    const script = new TcpScript().open().send('client', REQUEST.replace(/\r\n$/, agreed));
    script.send('server', RESPONSE.replace(/\r\n$/, agreed));
    for (const hex of ['c107f248cdc9c90700', 'c105f200110000']) {
      script.send(
        'server',
        Uint8Array.from(hex.match(/../g)!, (pair) => Number.parseInt(pair, 16)),
      );
    }
    expect(readSegments(script.segments).messages).toEqual(['1 < Hello', '1 < Hello']);
    // Without the first message, the second refers to what nobody has seen.
    const lost = readSegments(script.segments.filter((_, i) => i !== 5));
    expect(lost).toMatchObject({ messages: ['1 < text'], violations: [] });
  });

  it('stops at a violation, or reads on', () => {
    const script = new TcpScript().open().send('client', REQUEST).send('server', RESPONSE);
    script.send('client', fromServer('bare')).send('client', fromClient('fine'));
    const packets = pcap(packetsOf(script.segments));
    expect(read(packets)).toMatchObject({ messages: [], violations: ['expectedMask'] });
    expect(read(packets, { readsOn: true })).toMatchObject({
      messages: ['1 > bare', '1 > fine'],
      violations: ['expectedMask'],
    });
  });

  it('connections of other kinds are none', () => {
    const script = new TcpScript().open().send('client', 'SSH-2.0-x\r\n').send('server', 'SSH-2.0-y\r\n');
    for (let i = 0; i < 100; i++) script.send('client', `line ${i}\r\n`);
    expect(readSegments(script.close().segments)).toMatchObject({ messages: [], names: [] });
  });
});

it('no bytes of a file make the reader throw', () => {
  const file = pcapng(packetsOf(chat().segments).map(LINKS.VLAN!.wrap), { linkType: 1 });
  let seed = 1;
  for (let round = 0; round < 400; round++) {
    const damaged = file.slice();
    for (let i = 0; i < 4; i++) {
      seed = (seed * 48_271) % 0x7fff_ffff;
      damaged[seed % damaged.length] = seed >>> 8;
    }
    expect(() => read(damaged)).not.toThrow();
  }
});
