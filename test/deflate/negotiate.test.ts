import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acceptOffers,
  acceptResponse,
  compressionThreshold,
  type DeflateOptions,
  type DeflateParams,
  directionOf,
  makeOffer,
  type Negotiation,
  type Profile,
  resolveDeflateSettings,
} from '../../src/deflate/negotiate.ts';
import { type Extension, formatExtensions, parseExtensions } from '../../src/handshake/index.ts';
import { ourParamSet, toWsOffers, WsPerMessageDeflate, wsParamSet } from './ws-deflate.ts';

const PMD = 'permessage-deflate';

function titleOf(section: string): string {
  return section.startsWith('A12 ') ? section.replace('A12', 'A12 RFC 7692') : `RFC 7692 ${section}`;
}

function describeOutcome(negotiation: Negotiation): string {
  if (negotiation.outcome === 'accepted') return formatExtensions([negotiation.response]);
  return negotiation.outcome === 'declined' ? 'declined' : negotiation.message;
}

function serve(offers: string, options: DeflateOptions, profile: Profile): Negotiation {
  return acceptOffers(parseExtensions(offers), resolveDeflateSettings(options, 'server', profile));
}

const BAD_REQUEST = 'Invalid or unacceptable Sec-WebSocket-Extensions header';

interface OfferRow {
  readonly section: string;
  readonly offers: string;
  readonly options?: DeflateOptions;
  readonly strict: string;
  /** Where it differs. */
  readonly ws?: string;
}

const CLIENT_DEFAULT = `${PMD}; client_max_window_bits`;

const OFFERS: readonly OfferRow[] = [
  { section: '§7.1', offers: PMD, strict: PMD },
  { section: '§7.1', offers: `x-other; a=1, ${PMD}`, strict: PMD },
  { section: '§7.1', offers: 'x-other; server_max_window_bits=99', strict: 'declined' },
  { section: '§7.1', offers: 'constructor; __proto__', strict: 'declined' },
  { section: '§7.1', offers: `${PMD}; constructor; __proto__=1`, strict: 'declined', ws: BAD_REQUEST },
  { section: '§7.1', offers: `${PMD}; surprise, ${PMD}`, strict: PMD, ws: BAD_REQUEST },
  { section: '§7.1', offers: `${PMD}; surprise`, strict: 'declined', ws: BAD_REQUEST },
  { section: '§7.1', offers: `${PMD}; SERVER_NO_CONTEXT_TAKEOVER`, strict: 'declined', ws: BAD_REQUEST },
  {
    section: '§7.1',
    offers: `${PMD}; server_max_window_bits=9, ${PMD}; client_no_context_takeover, ${PMD}`,
    options: { serverMaxWindowBits: false },
    strict: `${PMD}; client_no_context_takeover`,
  },
  // Context takeover.
  { section: '§7.1.1.1', offers: `${PMD}; server_no_context_takeover`, strict: `${PMD}; server_no_context_takeover` },
  {
    section: '§7.1.1.1',
    offers: PMD,
    options: { serverNoContextTakeover: true },
    strict: `${PMD}; server_no_context_takeover`,
  },
  {
    section: '§7.1.1.1',
    offers: PMD,
    options: { sharedCompressor: true },
    strict: `${PMD}; server_no_context_takeover`,
  },
  {
    section: '§7.1.1.1',
    offers: `${PMD}; server_no_context_takeover`,
    options: { serverNoContextTakeover: false },
    strict: 'declined',
    ws: BAD_REQUEST,
  },
  { section: '§7.1.1.1', offers: PMD, options: { serverNoContextTakeover: false }, strict: PMD },
  {
    section: 'A12 §7.1.1.1',
    offers: `${PMD}; server_no_context_takeover=1`,
    strict: 'declined',
    ws: BAD_REQUEST,
  },
  {
    section: 'A12 §7.1.1.1',
    offers: `${PMD}; server_no_context_takeover; server_no_context_takeover`,
    strict: 'declined',
    ws: BAD_REQUEST,
  },
  { section: '§7.1.1.2', offers: `${PMD}; client_no_context_takeover`, strict: `${PMD}; client_no_context_takeover` },
  {
    section: '§7.1.1.2',
    offers: PMD,
    options: { clientNoContextTakeover: true },
    strict: `${PMD}; client_no_context_takeover`,
  },
  {
    section: 'A12 §7.1.1.2',
    offers: `${PMD}; client_no_context_takeover=true`,
    strict: 'declined',
    ws: BAD_REQUEST,
  },
  // The server's window.
  { section: '§7.1.2.1', offers: `${PMD}; server_max_window_bits=8`, strict: `${PMD}; server_max_window_bits=8` },
  { section: '§7.1.2.1', offers: `${PMD}; server_max_window_bits=15`, strict: `${PMD}; server_max_window_bits=15` },
  {
    section: '§7.1.2.1 (quoted)',
    offers: `${PMD}; server_max_window_bits="10"`,
    strict: `${PMD}; server_max_window_bits=10`,
  },
  ...['7', '16', '0', '-9', '09', '015', '9.0', '0x9', '1e1', '+9', 'ten', '999999999999999999999'].map((value) => ({
    section: 'A12 §7.1.2.1',
    offers: `${PMD}; server_max_window_bits=${value}`,
    strict: 'declined',
    ws: BAD_REQUEST,
  })),
  { section: 'A12 §7.1.2.1', offers: `${PMD}; server_max_window_bits`, strict: 'declined', ws: BAD_REQUEST },
  {
    section: 'A12 §7.1.2.1',
    offers: `${PMD}; server_max_window_bits=10; server_max_window_bits=10`,
    strict: 'declined',
    ws: BAD_REQUEST,
  },
  {
    section: '§7.1.2.1',
    offers: PMD,
    options: { serverMaxWindowBits: 11 },
    strict: `${PMD}; server_max_window_bits=11`,
  },
  {
    section: '§7.1.2.1',
    offers: `${PMD}; server_max_window_bits=12`,
    options: { serverMaxWindowBits: 11 },
    strict: `${PMD}; server_max_window_bits=11`,
  },
  {
    section: '§7.1.2.1',
    offers: `${PMD}; server_max_window_bits=10`,
    options: { serverMaxWindowBits: 11 },
    strict: `${PMD}; server_max_window_bits=10`,
    ws: BAD_REQUEST,
  },
  {
    section: '§7.1.2.1',
    offers: `${PMD}; server_max_window_bits=10`,
    options: { serverMaxWindowBits: false },
    strict: 'declined',
    ws: BAD_REQUEST,
  },
  {
    section: '§7.1.2.1',
    offers: `${PMD}; server_max_window_bits=10`,
    options: { serverMaxWindowBits: true },
    strict: `${PMD}; server_max_window_bits=10`,
  },
  // The client's window.
  { section: '§7.1.2.2', offers: CLIENT_DEFAULT, strict: PMD },
  { section: '§7.1.2.2', offers: `${PMD}; client_max_window_bits=10`, strict: `${PMD}; client_max_window_bits=10` },
  {
    section: '§7.1.2.2',
    offers: `${PMD}; client_max_window_bits=10`,
    options: { clientMaxWindowBits: false },
    strict: PMD,
  },
  {
    section: '§7.1.2.2',
    offers: CLIENT_DEFAULT,
    options: { clientMaxWindowBits: 11 },
    strict: `${PMD}; client_max_window_bits=11`,
  },
  {
    section: '§7.1.2.2',
    offers: `${PMD}; client_max_window_bits=12`,
    options: { clientMaxWindowBits: 11 },
    strict: `${PMD}; client_max_window_bits=11`,
  },
  {
    section: '§7.1.2.2',
    offers: `${PMD}; client_max_window_bits=10`,
    options: { clientMaxWindowBits: 11 },
    strict: `${PMD}; client_max_window_bits=10`,
    ws: BAD_REQUEST,
  },
  { section: '§7.1.2.2', offers: PMD, options: { clientMaxWindowBits: 11 }, strict: 'declined', ws: BAD_REQUEST },
  ...['7', '16', '08'].map((value) => ({
    section: 'A12 §7.1.2.2',
    offers: `${PMD}; client_max_window_bits=${value}`,
    strict: 'declined',
    ws: BAD_REQUEST,
  })),
  {
    section: 'A12 §7.1.2.2',
    offers: `${PMD}; client_max_window_bits; client_max_window_bits=10`,
    strict: 'declined',
    ws: BAD_REQUEST,
  },
  {
    section: '§7.1.3',
    offers: `${PMD}; client_max_window_bits; server_max_window_bits=10, ${CLIENT_DEFAULT}`,
    strict: `${PMD}; server_max_window_bits=10`,
  },
];

describe('offer → answer', () => {
  for (const { section, offers, options = {}, strict, ws = strict } of OFFERS) {
    const title = `${titleOf(section)} "${offers}" with ${JSON.stringify(options)}`;
    it(`${title}, strict`, () => expect(describeOutcome(serve(offers, options, 'strict'))).toBe(strict));
    it(`${title}, as ws`, () => expect(describeOutcome(serve(offers, options, 'ws'))).toBe(ws));
  }

  it('RFC 7692 §7.1 what is agreed, with and without limits', () => {
    const offers = `${PMD}; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9`;
    expect(serve(offers, {}, 'strict')).toMatchObject({
      agreed: {
        serverNoContextTakeover: true,
        clientNoContextTakeover: false,
        serverMaxWindowBits: 10,
        clientMaxWindowBits: 9,
      },
    });
    expect(serve(CLIENT_DEFAULT, { clientNoContextTakeover: true }, 'ws')).toMatchObject({
      agreed: {
        serverNoContextTakeover: false,
        clientNoContextTakeover: true,
        serverMaxWindowBits: 15,
        clientMaxWindowBits: 15,
      },
    });
  });

  it('RFC 7692 §7.1 a refusal says why', () => {
    expect(serve(`${PMD}; surprise`, {}, 'ws')).toMatchObject({ reason: 'Unknown parameter "surprise"' });
    expect(
      serve(`${PMD}, ${PMD}; server_max_window_bits=9`, { clientMaxWindowBits: 9, serverMaxWindowBits: 10 }, 'ws'),
    ).toMatchObject({
      reason: 'client_max_window_bits is missing; server_max_window_bits is below serverMaxWindowBits',
    });
  });
});

const INVALID = 'Invalid Sec-WebSocket-Extensions header';

function dial(answer: string, options: DeflateOptions, profile: Profile): Negotiation {
  return acceptResponse(
    answer === '' ? [] : parseExtensions(answer),
    resolveDeflateSettings(options, 'client', profile),
  );
}

describe('client: offers', () => {
  const rows: readonly [options: DeflateOptions, offer: string][] = [
    [{}, CLIENT_DEFAULT],
    [{ clientMaxWindowBits: true, serverMaxWindowBits: true }, CLIENT_DEFAULT],
    [{ clientMaxWindowBits: false, serverMaxWindowBits: false }, PMD],
    [
      { clientMaxWindowBits: 10, serverMaxWindowBits: 9 },
      `${PMD}; server_max_window_bits=9; client_max_window_bits=10`,
    ],
    [
      { serverNoContextTakeover: true, clientNoContextTakeover: true, clientMaxWindowBits: false },
      `${PMD}; server_no_context_takeover; client_no_context_takeover`,
    ],
    [{ sharedCompressor: true }, `${PMD}; client_no_context_takeover; client_max_window_bits`],
  ];
  for (const [options, offer] of rows) {
    it(`RFC 7692 §7.1 ${JSON.stringify(options)} offers "${offer}"`, () => {
      const settings = resolveDeflateSettings(options, 'client', 'strict');
      expect(formatExtensions([makeOffer(settings)])).toBe(offer);
    });
  }
});

describe('client: answers', () => {
  const good: DeflateParams = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
  };
  interface AnswerRow {
    readonly section: string;
    readonly answer: string;
    readonly options?: DeflateOptions;
    readonly strict: Partial<DeflateParams> | string;
    readonly ws?: Partial<DeflateParams> | string;
  }
  const rows: readonly AnswerRow[] = [
    { section: '§5.1', answer: '', strict: 'declined' },
    { section: '§5.1', answer: 'x-other', strict: 'declined' },
    { section: '§7.1', answer: PMD, strict: {} },
    { section: '§7.1', answer: `x-other, ${PMD}`, strict: {} },
    { section: '§7.1', answer: `${PMD}, ${PMD}`, strict: INVALID },
    { section: '§7.1', answer: `${PMD}; surprise`, strict: INVALID },
    { section: '§7.1', answer: `${PMD}; __proto__`, strict: INVALID },
    { section: '§7.1.1.1', answer: `${PMD}; server_no_context_takeover`, strict: { serverNoContextTakeover: true } },
    {
      section: '§7.1.1.1',
      answer: PMD,
      options: { serverNoContextTakeover: true },
      strict: INVALID,
      ws: { serverNoContextTakeover: false },
    },
    {
      section: '§7.1.1.1',
      answer: `${PMD}; server_no_context_takeover`,
      options: { serverNoContextTakeover: true },
      strict: { serverNoContextTakeover: true },
    },
    { section: '§7.1.1.2', answer: `${PMD}; client_no_context_takeover`, strict: { clientNoContextTakeover: true } },
    {
      section: '§7.1.1.2',
      answer: PMD,
      options: { clientNoContextTakeover: true },
      strict: { clientNoContextTakeover: true },
    },
    { section: '§7.1.1.2', answer: PMD, options: { clientNoContextTakeover: false }, strict: {} },
    {
      section: '§7.1.1.2',
      answer: `${PMD}; client_no_context_takeover`,
      options: { clientNoContextTakeover: false },
      strict: { clientNoContextTakeover: true },
      ws: INVALID,
    },
    { section: 'A12 §7.1.1.2', answer: `${PMD}; client_no_context_takeover=1`, strict: INVALID },
    { section: '§7.1.2.1', answer: `${PMD}; server_max_window_bits=9`, strict: { serverMaxWindowBits: 9 } },
    {
      section: '§7.1.2.1',
      answer: `${PMD}; server_max_window_bits=9`,
      options: { serverMaxWindowBits: 10 },
      strict: { serverMaxWindowBits: 9 },
    },
    {
      section: '§7.1.2.1',
      answer: `${PMD}; server_max_window_bits=11`,
      options: { serverMaxWindowBits: 10 },
      strict: INVALID,
    },
    { section: '§7.1.2.1', answer: PMD, options: { serverMaxWindowBits: 10 }, strict: INVALID, ws: {} },
    ...['7', '16', '010', '00'].map((value) => ({
      section: 'A12 §7.1.2.1',
      answer: `${PMD}; server_max_window_bits=${value}`,
      strict: INVALID,
    })),
    { section: 'A12 §7.1.2.1', answer: `${PMD}; server_max_window_bits`, strict: INVALID },
    { section: '§7.1.2.2', answer: `${PMD}; client_max_window_bits=9`, strict: { clientMaxWindowBits: 9 } },
    {
      section: '§7.1.2.2',
      answer: `${PMD}; client_max_window_bits=9`,
      options: { clientMaxWindowBits: false },
      strict: INVALID,
    },
    {
      section: '§7.1.2.2',
      answer: `${PMD}; client_max_window_bits=11`,
      options: { clientMaxWindowBits: 10 },
      strict: { clientMaxWindowBits: 10 },
      ws: INVALID,
    },
    {
      section: '§7.1.2.2',
      answer: `${PMD}; client_max_window_bits=9`,
      options: { clientMaxWindowBits: 10 },
      strict: { clientMaxWindowBits: 9 },
    },
    { section: '§7.1.2.2', answer: PMD, options: { clientMaxWindowBits: 10 }, strict: { clientMaxWindowBits: 10 } },
    { section: 'A12 §7.1.2.2', answer: `${PMD}; client_max_window_bits`, strict: INVALID },
  ];
  for (const { section, answer, options = {}, strict, ws = strict } of rows) {
    for (const [profile, expected] of [
      ['strict', strict],
      ['ws', ws],
    ] as const) {
      it(`${titleOf(section)} "${answer}" with ${JSON.stringify(options)}, ${profile}`, () => {
        const negotiation = dial(answer, options, profile);
        if (typeof expected === 'string') expect(describeOutcome(negotiation)).toBe(expected);
        else expect(negotiation).toMatchObject({ outcome: 'accepted', agreed: { ...good, ...expected } });
      });
    }
  }
});

describe('settings', () => {
  const faults: readonly [options: object, message: RegExp][] = [
    [{ serverMaxWindowBits: 7 }, /^serverMaxWindowBits must be a whole number from 8 to 15/],
    [{ clientMaxWindowBits: 16 }, /^clientMaxWindowBits must/],
    [{ clientMaxWindowBits: 9.5 }, /got 9.5$/],
    [{ clientMaxWindowBits: '10' }, /got 10$/],
    [{ threshold: -1 }, /^threshold must/],
    [{ threshold: Number.NaN }, /^threshold must/],
    [{ concurrencyLimit: -1 }, /^concurrencyLimit must/],
    [{ zlibDeflateOptions: { level: 10 } }, /^zlibDeflateOptions.level must be a whole number from -1 to 9; got 10/],
    [{ zlibDeflateOptions: { memLevel: 0 } }, /^zlibDeflateOptions.memLevel must/],
    [{ zlibInflateOptions: { strategy: 5 } }, /^zlibInflateOptions.strategy must/],
  ];
  for (const [options, message] of faults) {
    it(`RFC 7692 §7.1.2 ${JSON.stringify(options)} is out of range`, () => {
      const resolve = () => resolveDeflateSettings(options, 'server', 'ws');
      expect(resolve).toThrow(RangeError);
      expect(resolve).toThrow(message);
    });
  }

  it('RFC 7692 §7.1.1 a shared compressor cannot keep a context', () => {
    const options = { sharedCompressor: true, serverNoContextTakeover: false };
    expect(() => resolveDeflateSettings(options, 'server', 'strict')).toThrow(TypeError);
    expect(resolveDeflateSettings(options, 'client', 'strict').clientNoContextTakeover).toBe(true);
  });

  it("RFC 7692 §7.1 the defaults are ws's", () => {
    expect(resolveDeflateSettings({}, 'server', 'ws')).toMatchObject({ thresholdBytes: 1024, concurrencyLimit: 10 });
    expect(resolveDeflateSettings({ concurrencyLimit: 0 }, 'server', 'ws').concurrencyLimit).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  it('RFC 7692 §7.1 each direction has its own parameters', () => {
    const agreed: DeflateParams = {
      serverNoContextTakeover: true,
      clientNoContextTakeover: false,
      serverMaxWindowBits: 9,
      clientMaxWindowBits: 12,
    };
    expect(directionOf(agreed, 'server')).toEqual({ contextTakeover: false, windowBits: 9 });
    expect(directionOf(agreed, 'client')).toEqual({ contextTakeover: true, windowBits: 12 });
  });

  it('RFC 7692 §7.3 the threshold counts only where the sender keeps no context', () => {
    const agreed = { ...({} as DeflateParams), serverNoContextTakeover: true, clientNoContextTakeover: false };
    const settings = (role: 'server' | 'client') => resolveDeflateSettings({ threshold: 500 }, role, 'ws');
    expect(compressionThreshold(agreed, settings('server'))).toBe(500);
    expect(compressionThreshold(agreed, settings('client'))).toBe(0);
  });
});

const anyBits = fc.option(fc.oneof(fc.integer({ min: 8, max: 15 }), fc.boolean()), { nil: undefined });
const anyFlag = fc.option(fc.boolean(), { nil: undefined });
const anyOptions: fc.Arbitrary<DeflateOptions> = fc.record({
  serverNoContextTakeover: anyFlag,
  clientNoContextTakeover: anyFlag,
  serverMaxWindowBits: anyBits,
  clientMaxWindowBits: anyBits,
});
const anyProfile = fc.constantFrom<Profile>('strict', 'ws');

/** Parameters that are near to right: well-formed, repeated, misspelt, or with a value out of place. */
const anyParam = fc.record({
  name: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom('server_no_context_takeover', 'client_no_context_takeover') },
    { weight: 20, arbitrary: fc.constantFrom('server_max_window_bits', 'client_max_window_bits') },
    { weight: 1, arbitrary: fc.constantFrom('surprise', '__proto__') },
  ),
  value: fc.oneof(
    { weight: 10, arbitrary: fc.constant<true>(true) },
    { weight: 10, arbitrary: fc.integer({ min: 8, max: 15 }).map(String) },
    { weight: 1, arbitrary: fc.constantFrom('7', '16', 'x') },
  ),
});
const anyOffers: fc.Arbitrary<Extension[]> = fc.array(
  fc.record({ name: fc.constant(PMD), params: fc.array(anyParam, { maxLength: 3 }) }),
  { minLength: 1, maxLength: 3 },
);

describe('properties', () => {
  it('RFC 7692 §7.1 whatever the options on both sides, what is answered is agreed on by both', () => {
    const holds = (serverOptions: DeflateOptions, clientOptions: DeflateOptions, s: Profile, c: Profile) => {
      const client = resolveDeflateSettings(clientOptions, 'client', c);
      const server = acceptOffers([makeOffer(client)], resolveDeflateSettings(serverOptions, 'server', s));
      if (server.outcome !== 'accepted') return;
      const answer = acceptResponse([server.response], client);
      // The one thing that a server may answer and a client of ws may refuse by choice.
      if (c === 'ws' && answer.outcome === 'refused' && clientOptions.clientNoContextTakeover === false) {
        expect(answer.reason).toBe('Unexpected parameter "client_no_context_takeover"');
        return;
      }
      if (answer.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(answer)}`);
      const { agreed } = answer;
      // The client may promise more of itself than the server repeats: a smaller window, no context.
      expect({ ...agreed, clientNoContextTakeover: 0, clientMaxWindowBits: 0 }).toEqual({
        ...server.agreed,
        clientNoContextTakeover: 0,
        clientMaxWindowBits: 0,
      });
      expect(agreed.clientMaxWindowBits).toBeLessThanOrEqual(server.agreed.clientMaxWindowBits);
      expect(agreed.clientNoContextTakeover || !server.agreed.clientNoContextTakeover).toBe(true);
    };
    fc.assert(fc.property(anyOptions, anyOptions, anyProfile, anyProfile, holds), { numRuns: 3000 });
  });

  it('RFC 7692 §7.1 the ws profile answers any offers as ws does', () => {
    const holds = (offers: Extension[], options: DeflateOptions) => {
      let theirs: string[] | undefined;
      try {
        theirs = wsParamSet(new WsPerMessageDeflate({ ...options, isServer: true }).accept(toWsOffers(offers)));
      } catch {
        theirs = undefined;
      }
      const ours = acceptOffers(offers, resolveDeflateSettings(options, 'server', 'ws'));
      expect(ours.outcome === 'accepted' ? ourParamSet(ours.response) : undefined).toEqual(theirs);
    };
    fc.assert(fc.property(anyOffers, anyOptions, holds), { numRuns: 5000 });
  });

  it('RFC 7692 §7.1 a client offers what ws offers, and as ws takes no answer that ws would not', () => {
    const holds = (answers: Extension[], options: DeflateOptions, profile: Profile) => {
      const settings = resolveDeflateSettings(options, 'client', profile);
      const theirs = new WsPerMessageDeflate(options);
      if (options.serverMaxWindowBits !== true) {
        expect(ourParamSet(makeOffer(settings))).toEqual(wsParamSet(theirs.offer()));
      }
      const ours = acceptResponse(answers.slice(0, 1), settings);
      if (profile === 'ws' && ours.outcome === 'accepted') theirs.accept(toWsOffers(answers.slice(0, 1)));
    };
    fc.assert(fc.property(anyOffers, anyOptions, anyProfile, holds), { numRuns: 3000 });
  });
});
