/**
 * What `framewright/protocol` and `framewright/inspector` have to do wherever they are loaded: a script without types, test
 * runner or Node, for pages, workers and isolates. The examples of the RFC are read whole and byte by byte, by every
 * reader that there is, and written again.
 */

const HELLO = '48656c6c6f';

/** `hears`: what a connection of that role tells its handler. */
const EXAMPLES = [
  { name: '§5.7 unmasked text', role: 'client', wire: `8105 ${HELLO}`, hears: [`text ${HELLO}`] },
  { name: '§5.7 masked text', role: 'server', wire: '8185 37fa213d 7f9f4d5158', hears: [`text ${HELLO}`] },
  { name: '§5.7 fragmented text', role: 'client', wire: '0103 48656c 8002 6c6f', hears: [`text ${HELLO}`] },
  { name: '§5.7 unmasked ping', role: 'client', wire: `8905 ${HELLO}`, hears: [`ping ${HELLO}`] },
  { name: '§5.7 masked pong', role: 'server', wire: '8a85 37fa213d 7f9f4d5158', hears: [`pong ${HELLO}`] },
  {
    name: '§5.7 256 bytes',
    role: 'client',
    wire: `827e 0100 ${'ab'.repeat(256)}`,
    hears: [`binary ${'ab'.repeat(256)}`],
  },
  {
    name: '§5.7 64 KiB',
    role: 'client',
    wire: `827f 0000000000010000 ${'c5'.repeat(65_536)}`,
    hears: [`binary ${'c5'.repeat(65_536)}`],
  },
  {
    name: '§5.4 a ping between fragments',
    role: 'client',
    wire: '0202 0102 8901 09 0000 8001 03',
    hears: ['ping 09', 'binary 010203'],
  },
  { name: '§5.5.1 a Close frame', role: 'client', wire: '8805 03e8 627965', hears: ['close 1000 bye'] },
  {
    name: '§8.1 text beyond ASCII',
    role: 'client',
    wire: '8107 c3a9e29c93f09f',
    hears: ['1007 invalidText'],
    fault: true,
  },
  { name: '§5.2 a reserved opcode', role: 'client', wire: '8300', hears: ['1002 reservedOpcode'], fault: true },
  { name: '§5.2 RSV2', role: 'client', wire: 'a100', hears: ['1002 unexpectedRsv23'], fault: true },
  { name: '§5.1 no mask', role: 'server', wire: `8105 ${HELLO}`, hears: ['1002 expectedMask'], fault: true },
  {
    name: '§5.4 nothing to continue',
    role: 'client',
    wire: '8001 00',
    hears: ['1002 unexpectedContinuation'],
    fault: true,
  },
  { name: '§5.5 a fragmented ping', role: 'client', wire: '0900', hears: ['1002 expectedFin'], fault: true },
  { name: '§7.4.1 code 1005', role: 'client', wire: '8802 03ed', hears: ['1002 invalidCloseCode'], fault: true },
];

/** §1.2, with the key of §1.3. */
const REQUEST = [
  'GET /chat HTTP/1.1',
  'Host: server.example.com',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Origin: http://example.com',
  'Sec-WebSocket-Protocol: chat, superchat',
  'Sec-WebSocket-Version: 13',
  '',
  '',
].join('\r\n');
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

const fromHex = (text) => Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (pair) => Number.parseInt(pair, 16));
const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const fromAscii = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Of a long frame, what is cut up is its beginning. */
const MAX_CUT_BYTES = 300;
const CUTS = {
  whole: (bytes) => [bytes],
  'byte by byte': (bytes) => {
    const single = Array.from(bytes.slice(0, MAX_CUT_BYTES), (byte) => Uint8Array.of(byte));
    return bytes.length > MAX_CUT_BYTES ? [...single, bytes.slice(MAX_CUT_BYTES)] : single;
  },
};

/**
 * Runs them all.
 * @returns how many comparisons were made, and a line for each that failed
 */
export function checkVectors(protocol, inspector) {
  const faults = [];
  let comparisons = 0;
  const expectSame = (what, found, expected) => {
    comparisons += 1;
    if (JSON.stringify(found) !== JSON.stringify(expected)) {
      faults.push(`${what}: ${JSON.stringify(found)?.slice(0, 200)}, not ${JSON.stringify(expected).slice(0, 200)}`);
    }
  };
  const check = (name, action) => {
    try {
      action();
    } catch (error) {
      faults.push(`${name}: ${error?.stack ?? error}`);
    }
  };

  for (const example of EXAMPLES) {
    for (const [cut, cutUp] of Object.entries(CUTS)) {
      const name = `${example.name}, ${cut}`;
      const chunks = () => cutUp(fromHex(example.wire));
      check(name, () => {
        expectSame(`${name}: connection`, hear(protocol, example.role, chunks()), example.hears);
        expectSame(
          `${name}: inspector`,
          inspectAll(inspector, example.role, chunks()),
          example.fault ? example.hears : [],
        );
        if (!example.fault)
          expectSame(`${name}: rewritten`, rewrite(protocol, example, chunks()), toHex(fromHex(example.wire)));
      });
    }
    check(example.name, () => {
      const { events, violation } = protocol.readMessages(fromHex(example.wire), { role: example.role });
      const told = violation === undefined ? events.length : violation.id;
      expectSame(`${example.name}: reference`, told, example.fault ? example.hears[0].slice(5) : example.hears.length);
    });
  }

  check('sending', () => {
    for (const [role, isMasked] of [
      ['server', false],
      ['client', true],
    ]) {
      const { connection, written } = connect(protocol, role);
      connection.sendMessage('é', false);
      connection.sendMessage(Uint8Array.of(1, 2), true, false);
      connection.sendControl(protocol.Opcode.Ping, Uint8Array.of(3));
      connection.sendMessage(Uint8Array.of(4), true);
      connection.close(1001, 'away');
      const peer = role === 'server' ? 'client' : 'server';
      const wire = written.map(([firstByte, payload]) =>
        protocol.encodeFrame(firstByte, payload, isMasked ? 0x37fa213d : undefined),
      );
      expectSame(`sent by a ${role}`, hear(protocol, peer, wire), [
        'text c3a9',
        'ping 03',
        'binary 010204',
        'close 1001 away',
      ]);
    }
  });

  check('§1.3 the accept value', () => {
    expectSame('§1.3 the accept value', inspector.deriveAccept('dGhlIHNhbXBsZSBub25jZQ==').accept, ACCEPT);
  });

  check('§1.2 the opening handshake', () => {
    const frame = fromHex('8185 37fa213d 7f9f4d5158');
    const view = inspector.inspect(Uint8Array.of(...fromAscii(REQUEST), ...frame));
    expectSame(
      '§1.2 the opening handshake',
      [view.role, view.handshake?.kind, view.messages[0]?.text],
      ['server', 'request', 'Hello'],
    );
    expectSame('its text', inspector.renderText(view).includes('Sec-WebSocket-Key'), true);
  });

  check('§8.1 UTF-8', () => {
    for (const [hex, isValid] of [
      ['c3a9', true],
      ['f09f9880', true],
      ['eda080', false],
      ['c080', false],
      ['f4908080', false],
    ]) {
      expectSame(`§8.1 ${hex}`, protocol.isValidUtf8(fromHex(hex)), isValid);
    }
  });
  return { comparisons, faults };
}

/** A connection with its ends in memory. */
function connect(protocol, role) {
  const heard = [];
  const written = [];
  const output = {
    writeFrame(firstByte, payload) {
      written.push([firstByte, typeof payload === 'string' ? protocol.encodeUtf8(payload) : payload.slice()]);
    },
    flush() {},
    end() {},
  };
  const handler = {
    message: ({ bytes }, start, end, isBinary) =>
      heard.push(`${isBinary ? 'binary' : 'text'} ${toHex(bytes.subarray(start, end))}`),
    ping: (payload) => heard.push(`ping ${toHex(payload)}`),
    pong: (payload) => heard.push(`pong ${toHex(payload)}`),
    closeReceived: () => {},
    failed: (id) => heard.push(`${protocol.VIOLATIONS[id].closeCode} ${id}`),
    closed: () => {},
  };
  const connection = new protocol.Connection(output, handler, { role, limits: protocol.UNLIMITED });
  return { connection, heard, written };
}

function hear(protocol, role, chunks) {
  const { connection, heard } = connect(protocol, role);
  for (const chunk of chunks) connection.receive(new protocol.Chunk(chunk));
  connection.receiveEnd();
  connection.transportClosed();
  const hasFailed = heard.some((what) => /^\d/.test(what));
  const reason = String.fromCharCode(...(connection.closeReason ?? []));
  return hasFailed || connection.closeCode === 1006 ? heard : [...heard, `close ${connection.closeCode} ${reason}`];
}

/** Parses the frames, and writes them again. */
function rewrite(protocol, { role }, chunks) {
  let written = '';
  let pieces = [];
  const sink = {
    framePart(header, { bytes }, start, end) {
      for (const byte of bytes.subarray(start, end)) pieces.push(byte);
      if (pieces.length < header.payloadLength) return;
      const key = header.masked ? header.maskingKey : undefined;
      written += toHex(protocol.encodeFrame(header.firstByte, Uint8Array.from(pieces), key));
      pieces = [];
    },
    violation(id) {
      written += id;
    },
  };
  const parser = new protocol.FrameParser(sink, { role, limits: protocol.UNLIMITED });
  for (const chunk of chunks) parser.push(chunk);
  return written;
}

/** The fault that the inspector finds, in a list. */
function inspectAll(inspector, role, chunks) {
  const stream = new inspector.StreamInspector({ role });
  for (const chunk of chunks) stream.push(chunk);
  stream.finish();
  const { violation } = stream;
  return violation === undefined ? [] : [`${violation.closeCode} ${violation.id}`];
}
