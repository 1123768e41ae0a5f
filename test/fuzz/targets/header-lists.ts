/**
 * Values of the handshake's header fields: read as ws reads them where its grammar is asked for, written and read again, and
 * what the negotiation of compression makes of any extensions.
 */

import {
  acceptOffers,
  acceptResponse,
  type DeflateOptions,
  type DeflateSettings,
  resolveDeflateSettings,
} from '../../../src/deflate/negotiate.ts';
import { HeaderSyntaxError } from '../../../src/handshake/header-fields.ts';
import { type Extension, formatExtensions, parseExtensions, parseSubprotocols } from '../../../src/handshake/index.ts';
import { extension, subprotocol } from '../../../src/ws-compat/parsers.ts';
import { wsClasses as ws } from '../../support/ws-classes.ts';
import type { FuzzTarget } from '../target.ts';
import { asLatin1, bytesTarget, expectSame, fromLatin1, showText } from './support.ts';

/** What is read, or why nothing is: the text of a SyntaxError. */
function outcome<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return error.message;
  }
}

function parsed<T>(parse: (value: string, empty: 'ignored' | 'refused') => T, value: string): T | undefined {
  const read = (empty: 'ignored' | 'refused') => {
    try {
      return parse(value, empty);
    } catch (error) {
      if (!(error instanceof HeaderSyntaxError)) throw error;
      if (!(error.index >= 0 && error.index <= value.length)) throw new Error(`a fault at ${error.index}`);
      return undefined;
    }
  };
  const ignored = read('ignored');
  const refused = read('refused');
  // What the strict grammar takes, the other takes as well, and for the same.
  if (refused !== undefined) expectSame(ignored, refused, 'without empty elements');
  return ignored;
}

const SETTINGS: readonly DeflateOptions[] = [
  {},
  { serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 10, clientMaxWindowBits: 10 },
  { serverNoContextTakeover: false, serverMaxWindowBits: false, clientMaxWindowBits: false },
  { clientMaxWindowBits: 8, serverMaxWindowBits: 8 },
];
const settingsOf = (role: 'server' | 'client') =>
  (['strict', 'ws'] as const).flatMap((profile) =>
    SETTINGS.map((options) => resolveDeflateSettings(options, role, profile)),
  );
const SERVERS = settingsOf('server');
const CLIENTS = settingsOf('client');

const paramOf = ({ params }: Extension, name: string) => params.find((param) => param.name === name)?.value;

/** RFC 7692 §7.1: what is answered is allowed by an offer, and what is agreed on is what is answered. */
function expectAnswerAllowed(offers: readonly Extension[], settings: DeflateSettings): void {
  const negotiation = acceptOffers(offers, settings);
  if (negotiation.outcome !== 'accepted') return;
  const { agreed, response } = negotiation;
  expectSame(parseExtensions(formatExtensions([response])), [response], 'the answer, written and read');
  const answered = paramOf(response, 'client_max_window_bits');
  const allows = (offer: Extension) => {
    const [server, client] = [paramOf(offer, 'server_max_window_bits'), paramOf(offer, 'client_max_window_bits')];
    return (
      offer.name === 'permessage-deflate' &&
      !(paramOf(offer, 'server_no_context_takeover') === true && !agreed.serverNoContextTakeover) &&
      !(server !== undefined && agreed.serverMaxWindowBits > Number(server)) &&
      !(client === undefined && answered !== undefined) &&
      // RFC 7692 §7.1.2.2: without it in the answer, the client's value is a hint, and a larger window reads it as well.
      !(typeof client === 'string' && answered !== undefined && agreed.clientMaxWindowBits > Number(client))
    );
  };
  if (!offers.some(allows)) throw new Error(`no offer allows the answer ${formatExtensions([response])}`);
  const said = Number(paramOf(response, 'server_max_window_bits') ?? 15);
  expectSame(agreed.serverMaxWindowBits, said, "the server's window");
  expectSame(agreed.clientMaxWindowBits, Number(answered ?? 15), "the client's window");
}

function expectNegotiable(extensions: readonly Extension[]): void {
  for (const settings of SERVERS) expectAnswerAllowed(extensions, settings);
  for (const settings of CLIENTS) {
    const negotiation = acceptResponse(extensions, settings);
    const ours = extensions.filter(({ name }) => name === 'permessage-deflate').length;
    expectSame(negotiation.outcome === 'declined', ours === 0, 'declined');
    if (negotiation.outcome === 'accepted') expectSame(ours, 1, 'accepted');
  }
}

const EXTENSIONS = [
  'permessage-deflate',
  'permessage-deflate; client_max_window_bits; server_no_context_takeover, permessage-deflate; server_max_window_bits=9',
  'permessage-deflate; client_max_window_bits=8; client_no_context_takeover; server_max_window_bits="15"',
  'permessage-deflate;client_max_window_bits=8',
  ' , x-webkit-deflate-frame;a = b ,, y; z="\\a\\"" ',
  '__proto__; constructor=1, foo; q=1; q=2',
];
const SUBPROTOCOLS = ['chat', 'chat, superchat,v12.stomp', ',chat ,\t, mqtt, chat', 'a b', '"quoted"'];

export const LIST_TARGETS: readonly FuzzTarget[] = [
  bytesTarget({
    name: 'extensions-header',
    title: '§9.1 any value is read as ws reads it, comes back when it is written, and is negotiated by the rules',
    seeds: EXTENSIONS.map(fromLatin1),
    show: showText,
    run(input) {
      const value = asLatin1(input);
      expectSame(
        outcome(() => extension.parse(value)),
        outcome(() => ws.extension.parse(value)),
        'as ws reads it',
      );
      const extensions = parsed(parseExtensions, value);
      if (extensions === undefined) return;
      expectSame(parseExtensions(formatExtensions(extensions)), extensions, 'written and read');
      expectNegotiable(extensions);
    },
  }),
  bytesTarget({
    name: 'subprotocols-header',
    title: '§4.1 any value is read as ws reads it, without a name twice',
    seeds: SUBPROTOCOLS.map(fromLatin1),
    show: showText,
    run(input) {
      const value = asLatin1(input);
      expectSame(
        outcome(() => [...subprotocol.parse(value)]),
        outcome(() => [...ws.subprotocol.parse(value)]),
        'as ws reads it',
      );
      const names = parsed(parseSubprotocols, value);
      if (names !== undefined) expectSame(new Set(names).size, names.length, 'names');
    },
  }),
];
