import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extension } from '../../src/ws-compat/parsers.ts';
import { PerMessageDeflate } from '../../src/ws-compat/per-message-deflate.ts';
import { fill } from '../support/arbitraries.ts';
import { type DeflateLike, wsClasses as ws } from '../support/ws-classes.ts';

type DeflateClass = new (options?: object) => DeflateLike;
const Ours: DeflateClass = PerMessageDeflate;
const Theirs: DeflateClass = ws.PerMessageDeflate;

function accept(Deflate: DeflateClass, options: object, configurations: Record<string, (string | true)[]>[]): unknown {
  const deflate = new Deflate(options);
  try {
    const params = deflate.accept(structuredClone(configurations));
    expect(deflate.params).toBe(params);
    return { ...params };
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

const anyBits = fc.constantFrom('8', '9', '12', '15');
const anyOptions = fc.record(
  {
    serverNoContextTakeover: fc.boolean(),
    clientNoContextTakeover: fc.boolean(),
    serverMaxWindowBits: fc.constantFrom<number | boolean>(false, true, 9, 12),
    clientMaxWindowBits: fc.constantFrom<number | boolean>(false, true, 9, 12),
  },
  { requiredKeys: [] },
);
const anyOffer = fc.record(
  {
    server_no_context_takeover: fc.constant<(string | true)[]>([true]),
    client_no_context_takeover: fc.constantFrom<(string | true)[]>([true], [true, true], ['x']),
    server_max_window_bits: fc.oneof(anyBits, fc.constantFrom('7', '16')).map((bits): (string | true)[] => [bits]),
    client_max_window_bits: fc.oneof<fc.Arbitrary<string | true>[]>(anyBits, fc.constant(true)).map((bits) => [bits]),
    unknown: fc.constant<(string | true)[]>(['1']),
  },
  { requiredKeys: [] },
);

describe('RFC 7692 §7.1 negotiation', () => {
  it('RFC 7692 §7.1 a client offers what ws offers', () => {
    expect(new PerMessageDeflate().offer()).toEqual({ client_max_window_bits: true });
    fc.assert(
      fc.property(anyOptions, (options) => {
        // `true` as a window means no wish; ws would send it as it is.
        fc.pre(options.serverMaxWindowBits !== true);
        expect({ ...new Ours(options).offer() }).toEqual({ ...new Theirs(options).offer() });
      }),
    );
  });

  it.each([Theirs, Ours])(
    'what is accepted has the prototype of what was given: none, from extension.parse',
    (Deflate) => {
      const parsed = extension.parse('permessage-deflate; client_max_window_bits')['permessage-deflate']!;
      for (const isServer of [true, false]) {
        const deflate = () => new Deflate({ isServer });
        const given = isServer ? parsed : extension.parse('permessage-deflate')['permessage-deflate']!;
        expect(Object.getPrototypeOf(deflate().accept(given))).toBeNull();
        expect(Object.getPrototypeOf(deflate().accept([{}]))).toBe(Object.prototype);
      }
    },
  );

  it.each([Theirs, Ours])(
    'what is compressed when cleanup() comes, in the next tick at the latest, is told',
    async (Deflate) => {
      const deflate = new Deflate({ isServer: true });
      deflate.accept([{}]);
      const told = new Promise<unknown>((resolve) => {
        deflate.compress(Buffer.alloc(50, 'A'), true, (error) => resolve(error));
      });
      process.nextTick(() => deflate.cleanup());
      const message = 'The deflate stream was closed while data was being processed';
      expect(await told).toEqual(new Error(message));
    },
  );

  it.each([Theirs, Ours])('RFC 7692 §7.2.1 an empty first fragment is a block of its own', async (Deflate) => {
    const deflate = new Deflate({ isServer: true });
    deflate.accept([{ server_no_context_takeover: [true] }]);
    const compressed = (data: string, fin: boolean) =>
      new Promise((resolve) => deflate.compress(Buffer.from(data), fin, (_error, output) => resolve(output)));
    expect(await compressed('', false)).toEqual(Buffer.from([0, 0, 0, 0xff, 0xff]));
    expect(await compressed('data', true)).toHaveLength(6);
  });

  it('RFC 7692 §7.1 a server accepts, and refuses, what ws does, with ws’s errors', () => {
    fc.assert(
      fc.property(anyOptions, fc.array(anyOffer, { minLength: 1, maxLength: 3 }), (options, anyOffers) => {
        const offers = anyOffers as Record<string, (string | true)[]>[];
        const given = { ...options, isServer: true };
        expect(accept(Ours, given, offers)).toEqual(accept(Theirs, given, offers));
      }),
      { numRuns: 2000 },
    );
  });

  it.each<[object, Record<string, (string | true)[]>]>([
    [{}, {}],
    [{}, { server_no_context_takeover: [true], server_max_window_bits: ['10'] }],
    [{}, { client_max_window_bits: ['10'] }],
    [{ clientMaxWindowBits: 12 }, { client_max_window_bits: ['10'] }],
    [{ clientMaxWindowBits: 12 }, {}],
    [{ clientMaxWindowBits: 9 }, { client_max_window_bits: ['10'] }],
    [{ clientMaxWindowBits: false }, { client_max_window_bits: ['10'] }],
    [{ clientNoContextTakeover: false }, { client_no_context_takeover: [true] }],
    [{}, { client_max_window_bits: [true] }],
    [{}, { x: ['1'] }],
  ])('RFC 7692 §7.1 a client with %j takes the answer %j as ws does', (options, answer) => {
    expect(accept(Ours, options, [answer])).toEqual(accept(Theirs, options, [answer]));
  });

  it('compress and decompress need an agreement, and say so', () => {
    const deflate = new PerMessageDeflate();
    expect(() => deflate.compress(Buffer.from('x'), true, () => {})).toThrow('call accept() first');
    expect(() => deflate.decompress(Buffer.from('x'), true, () => {})).toThrow('call accept() first');
  });
});

const compress = (deflate: DeflateLike, data: Uint8Array | string, fin = true) =>
  new Promise<Buffer>((resolve, reject) =>
    deflate.compress(data, fin, (error, output) => (error ? reject(error) : resolve(output!))),
  );
const decompress = (deflate: DeflateLike, data: Uint8Array, fin = true) =>
  new Promise<Buffer>((resolve, reject) =>
    deflate.decompress(data, fin, (error, output) => (error ? reject(error) : resolve(output!))),
  );

describe('RFC 7692 §7.2 messages', () => {
  const pair = (
    Server: DeflateClass,
    Client: DeflateClass,
    options: object = {},
    params: Record<string, (string | true)[]> = {},
  ) => {
    const server = new Server({ isServer: true, ...options });
    const client = new Client({ ...options });
    server.accept([structuredClone(params)]);
    client.accept([structuredClone(params)]);
    return { server, client };
  };

  it.each<[string, DeflateClass, DeflateClass]>([
    ['ours to ours', Ours, Ours],
    ['ours to ws', Ours, Theirs],
    ['ws to ours', Theirs, Ours],
  ])('RFC 7692 §7.2 %s: with and without context, small and large, whole and in fragments', async (_n, From, To) => {
    for (const params of [{}, { server_no_context_takeover: [true as const], server_max_window_bits: ['9'] }]) {
      const { server, client } = pair(From, To, {}, params);
      for (const data of [Buffer.from('Hello'), Buffer.from('Hello'), Buffer.alloc(0), Buffer.from(fill(200_000, 7))]) {
        expect((await decompress(client, await compress(server, data))).equals(data)).toBe(true);
      }
      const first = await decompress(client, await compress(server, 'frag', false), false);
      const second = await decompress(client, await compress(server, 'ments'), true);
      expect(Buffer.concat([first, second]).toString()).toBe('fragments');
      server.cleanup();
      client.cleanup();
    }
  });

  it('RFC 7692 §7.2.1 the bytes are ws’s', async () => {
    const { server } = pair(Ours, Ours);
    const { server: theirs } = pair(Theirs, Theirs);
    for (const text of ['Hello', 'Hello', 'x'.repeat(5000), '']) {
      expect((await compress(server, text)).toString('hex')).toBe((await compress(theirs, text)).toString('hex'));
    }
  });

  it.each([
    ['ours', Ours],
    ['ws', Theirs],
  ])('RFC 7692 §7.2.2 %s: over maxPayload, and corrupt data', async (_name, Deflate) => {
    const { server, client } = pair(Deflate, Deflate, { maxPayload: 10 });
    const long = await compress(server, 'a'.repeat(1000));
    await expect(decompress(client, long)).rejects.toMatchObject({
      code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
      message: 'Max payload size exceeded',
    });
    await expect(decompress(server, Buffer.from('ffffff', 'hex'))).rejects.toMatchObject({ code: 'Z_DATA_ERROR' });
  });

  it('§10.4 limits.maxMessageBytes, as everywhere; of frames it knows nothing', async () => {
    const { server, client } = pair(Ours, Ours, { limits: { maxMessageBytes: 10 } } as object);
    expect(await decompress(client, await compress(server, 'a'.repeat(10)))).toHaveLength(10);
    const long = await compress(server, 'a'.repeat(11));
    await expect(decompress(client, long)).rejects.toMatchObject({ code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' });
    const make = (options: object) => () => new Ours(options);
    expect(make({ limits: { maxFragments: 1 } })).toThrow(/"limits.maxFragments": it would have no effect$/);
    expect(make({ maxPayload: 5, limits: { maxMessageBytes: 6 } })).toThrow('contradict each other');
  });

  it('callbacks come behind the call, and cleanup ends what is under way', async () => {
    const { server } = pair(Ours, Ours);
    const log: string[] = [];
    const small = compress(server, 'small').then(() => log.push('called'));
    log.push('returned');
    await small;
    expect(log).toEqual(['returned', 'called']);
  });

  it.each([
    ['ours', Ours],
    ['ws', Theirs],
  ])(
    '%s: cleanup ends what is under way with an error, however short it is, up to the next tick',
    async (_, Deflate) => {
      for (const size of [5, 5_000_000]) {
        const { server } = pair(Deflate, Deflate);
        const result = compress(server, Buffer.alloc(size));
        process.nextTick(() => server.cleanup());
        await expect(result).rejects.toThrow('The deflate stream was closed while data was being processed');
      }
    },
  );

  it('reads what it is given during the call only', async () => {
    const { server, client } = pair(Ours, Ours);
    const bytes = Buffer.alloc(200_000);
    const compressed = [1, 2, 3].map((byte) => compress(server, bytes.fill(byte)));
    bytes.fill(9);
    const messages = [];
    for (const one of await Promise.all(compressed)) {
      const message = Buffer.from(one);
      messages.push(decompress(client, message));
      message.fill(9);
    }
    expect((await Promise.all(messages)).map((message) => [message[0], message.length])).toEqual(
      [1, 2, 3].map((byte) => [byte, 200_000]),
    );
  });
});
