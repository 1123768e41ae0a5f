import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Decoder } from '../../src/playground/worker/decoder.ts';
import type { FromWorker, RoleChoice } from '../../src/playground/worker/messages.ts';
import { encodeFrame } from '../../src/protocol/index.ts';
import { ipPacket, pcap, TcpScript } from '../support/captures.ts';

const utf8 = new TextEncoder();
const REQUEST =
  'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
const RESPONSE =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

type Told = Extract<FromWorker, { readonly view: unknown }>;

function decoder() {
  const told: Told[] = [];
  const waiting = new Set<() => void>();
  const made = new Decoder((message) => {
    if ('view' in message) told.push(message);
    for (const look of waiting) look();
  });
  /** Resolves with the first message that fits, past or to come. */
  const when = (fits: (message: Told) => boolean) =>
    new Promise<Told>((resolve) => {
      const look = () => {
        const found = told.find(fits);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const decode = (content: string | File, role: RoleChoice = 'auto') =>
    made.take({ type: 'decode', input: { content, role, isCompressed: undefined } });
  return { made, told, when, decode };
}

const isDone = ({ decode }: Told) => decode?.phase === 'done';

describe('the decoder', () => {
  it('tells short input at once: the lines, what it was, and the first frame', async () => {
    const { when, decode, told } = decoder();
    decode('81 05 48656c6c6f 88 00 ff');
    const { view, decode: state, detail } = await when(isDone);
    expect(view.rows.map(({ kind, direction }) => `${direction} ${kind}`)).toEqual([
      'serverToClient text',
      'serverToClient close',
    ]);
    expect(state).toMatchObject({
      reading: 'hex text, frames of a server',
      notes: [{ text: '1 byte from byte 9 on not read: nothing is read behind a Close frame', section: '§5.5.1' }],
    });
    expect(detail).toMatchObject({ type: 'frame', frame: { index: 0, payload: { text: 'Hello' } } });
    expect(told.map((message) => message.decode?.phase)).toEqual(['done']);
  });

  it('says why it cannot read something, and keeps nothing of what was there', async () => {
    const { when, decode } = decoder();
    decode('81 00');
    await when(isDone);
    decode('81 0');
    const { decode: state, view, detail } = await when((message) => message.decode?.phase === 'fault');
    expect(state!.fault).toContain('The text ends in the middle of a byte');
    expect([view.count, detail]).toEqual([0, null]);
  });

  it('shows the frame with the fault first', async () => {
    const { when, decode } = decoder();
    decode('81 00 81 80 00000000', 'client');
    expect((await when(isDone)).detail).toMatchObject({ frame: { index: 1 }, violation: { id: 'unexpectedMask' } });
  });

  it('goes through long input in steps, tells how far it is, and keeps its filter', async () => {
    const { made, when, decode } = decoder();
    made.take({ type: 'filter', filter: { direction: 'both', kind: 'control', text: '', connection: 0 } });
    decode('810548656c6c6f8900'.repeat(20_000));
    const half = await when(({ decode: state }) => state?.phase === 'decoding' && state.doneBytes > 0);
    expect(half.decode!.doneBytes).toBeLessThan(half.decode!.totalBytes);
    const { view, decode: state } = await when(isDone);
    expect([view.count, view.shownCount, state!.doneBytes]).toEqual([40_000, 20_000, 180_000]);
  });

  it('can be stopped, and what was decoded stays', async () => {
    const { made, when, decode } = decoder();
    decode('810548656c6c6f8900'.repeat(20_000));
    await when(({ decode: state }) => state?.phase === 'decoding');
    made.take({ type: 'stop' });
    const { view, decode: state } = await when((message) => message.decode?.phase === 'stopped');
    expect(view.count).toBeGreaterThan(0);
    expect(state!.doneBytes).toBeLessThan(180_000);
  });

  it('goes from frame to frame, as often as it is asked', async () => {
    const { made, when, decode } = decoder();
    decode('89 00 '.repeat(10));
    await when(isDone);
    for (const by of [1, 1, 5, -2]) made.take({ type: 'move', by });
    expect((await when(({ view }) => view.selectedIndex === 7)).detail).toMatchObject({ frame: { index: 7 } });
    await when(({ view }) => view.selectedIndex === 5);
    made.take({ type: 'move', by: -50 });
    await when(({ view }) => view.selectedIndex === 0);
    expect(new Set(made.window.view().rows.map(({ id }) => id)).size).toBe(10);
  });

  it('reads the bytes of a file', async () => {
    const { when, decode } = decoder();
    decode(new File([Uint8Array.of(0x8a, 0)], 'x.bin'));
    expect((await when(isDone)).view.rows[0]).toMatchObject({ kind: 'pong' });
  });

  it('finds the WebSockets of a capture, packed or not, and goes to the fault; what is missing shifts no frame', async () => {
    const script = new TcpScript().open();
    script
      .send('client', REQUEST)
      .send('server', RESPONSE)
      .send('client', encodeFrame(0x81, utf8.encode('one'), 7));
    const lost = script.segments.length;
    script.send('server', encodeFrame(0x82, new Uint8Array(2000)), 500);
    script
      .send('server', encodeFrame(0x81, utf8.encode('two')))
      .send('server', Uint8Array.of(0x83, 0x00))
      .close();
    const packets = script.segments.filter((_, i) => i !== lost + 1).map((segment) => ipPacket(segment));
    const file = pcap(packets);
    for (const content of [file, gzipSync(file)]) {
      const { when, decode } = decoder();
      decode(new File([content.slice()], 'x.pcap'));
      const { view, decode: state, detail } = await when(isDone);
      expect(view.rows.map(({ kind, what, preview }) => `${kind} ${what} ${preview}`.trim())).toEqual([
        'opened  10.0.0.1:50000 → 10.0.0.2:80',
        expect.stringMatching(/^request/),
        expect.stringMatching(/^response/),
        'text 3 bytes, masked “one”',
        'note  500 bytes of the server are missing in the capture',
        expect.stringMatching(/^binary 2000 bytes/),
        'text 3 bytes “two”',
        expect.stringMatching(/^reserved/),
        'ended',
      ]);
      expect(detail).toMatchObject({ type: 'frame', violation: { id: 'reservedOpcode' } });
      expect(state!.notes[0]!.text).toBe(`1 WebSocket in ${packets.length} packets`);
    }
  });

  it('names what it cannot read of a capture, and the command that can', async () => {
    const tls = new TcpScript()
      .open()
      .send('client', Uint8Array.of(22, 3, 1, 0, 5, 1, 0, 0, 1, 0))
      .close();
    const http2 = new TcpScript().open().send('client', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n').close();
    const notesOf = async (script: TcpScript) => {
      const { when, decode } = decoder();
      decode(new File([pcap(script.segments.map((segment) => ipPacket(segment))).slice()], 'traffic.pcap'));
      return (await when(isDone)).decode!.notes.map(({ text }) => text);
    };
    expect(await notesOf(tls)).toEqual([
      expect.stringContaining('No WebSocket in '),
      expect.stringContaining('it is encrypted (TLS)'),
      expect.stringContaining(
        'SSLKEYLOGFILE names, the command line does: framewright decode --keys keys.log traffic.pcap',
      ),
    ]);
    expect(await notesOf(http2)).toEqual([
      expect.stringContaining('No WebSocket in '),
      expect.stringContaining('it is HTTP/2'),
      'The page does not read HTTP/2. The command line does: framewright decode traffic.pcap',
    ]);
  });
});
