/**
 * Agreeing on permessage-deflate (RFC 7692 §7.1), from the fuzzer's side: what it offers as client and which answers it
 * takes, and how it answers as server. Written apart from the package's own negotiation, which it tests.
 */

import type { Extension, ExtensionParam } from '../handshake/index.ts';
import { type DeflateTerms, MAX_WINDOW_BITS } from './deflate.ts';

/** What a case wants of the testee's compression; as server, only what the testee's offer allows. */
export interface DeflateWish {
  /** That the testee starts each message with an empty window (RFC 7692 §7.1.1). */
  readonly noContextTakeover?: boolean;
  /** That the testee's window has so many bits (RFC 7692 §7.1.2). */
  readonly windowBits?: number;
}

export const DEFLATE = 'permessage-deflate';

const MIN_WINDOW_BITS = 8;

/** One offer or answer. */
interface Parameters {
  server_no_context_takeover?: true;
  client_no_context_takeover?: true;
  server_max_window_bits?: number;
  /** `true` stands in an offer only: the client leaves the number to the server. */
  client_max_window_bits?: number | true;
}

// ---- The fuzzer as client ------------------------------------------------------------------------------------------

/** What the fuzzer offers: it can do without context, and with any window, whatever it wishes of the server. */
export function offerOf({ noContextTakeover, windowBits }: DeflateWish): Extension {
  return extension({
    client_no_context_takeover: true,
    client_max_window_bits: true,
    ...(noContextTakeover && { server_no_context_takeover: true }),
    ...(windowBits !== undefined && { server_max_window_bits: windowBits }),
  });
}

/** Terms, or undefined when the server has declined; a text says what is wrong with the answer. */
export function readAnswer(answer: readonly Extension[]): DeflateTerms | undefined | string {
  const [only] = answer;
  if (only === undefined) return undefined;
  if (answer.length > 1) return 'the server agreed to more than one extension';
  if (only.name !== DEFLATE) return `the server agreed to ${only.name}, which was not offered`;
  const parameters = readParameters(only.params);
  if (typeof parameters === 'string') return `the answer to ${DEFLATE} has ${parameters}`;
  const { client_max_window_bits: ownBits = MAX_WINDOW_BITS } = parameters;
  if (ownBits === true) return `the answer to ${DEFLATE} has client_max_window_bits without a value`;
  return {
    sending: { windowBits: ownBits, keepsContext: !parameters.client_no_context_takeover },
    receiving: {
      windowBits: parameters.server_max_window_bits ?? MAX_WINDOW_BITS,
      keepsContext: !parameters.server_no_context_takeover,
    },
  };
}

// ---- The fuzzer as server ------------------------------------------------------------------------------------------

interface DeflateAnswer {
  readonly extension: Extension;
  readonly terms: DeflateTerms;
}

/** The answer for the dearest wish that an offer can be reconciled with, to the first such offer; undefined declines. */
export function answerOffers(offers: readonly Extension[], wishes: readonly DeflateWish[]): DeflateAnswer | undefined {
  const readable = offers.flatMap(({ name, params }): Parameters[] => {
    const offer = name === DEFLATE ? readParameters(params) : '';
    // RFC 7692 §7: an offer that does not follow the rules is declined.
    return typeof offer === 'string' ? [] : [offer];
  });
  for (const wish of wishes) {
    const offer = readable.find(
      ({ client_max_window_bits }) => wish.windowBits === undefined || client_max_window_bits !== undefined,
    );
    if (offer !== undefined) return answerOffer(offer, wish);
  }
  return undefined;
}

/** Grants what the client asks of the server, and asks of the client what the case wishes. */
function answerOffer(offer: Parameters, { noContextTakeover = false, windowBits }: DeflateWish): DeflateAnswer {
  const { server_no_context_takeover, server_max_window_bits } = offer;
  return {
    extension: extension({
      ...(server_no_context_takeover && { server_no_context_takeover }),
      ...(server_max_window_bits !== undefined && { server_max_window_bits }),
      ...(noContextTakeover && { client_no_context_takeover: true }),
      ...(windowBits !== undefined && { client_max_window_bits: windowBits }),
    }),
    terms: {
      sending: {
        windowBits: server_max_window_bits ?? MAX_WINDOW_BITS,
        keepsContext: !server_no_context_takeover,
      },
      receiving: { windowBits: windowBits ?? MAX_WINDOW_BITS, keepsContext: !noContextTakeover },
    },
  };
}

// ---- Parameters ----------------------------------------------------------------------------------------------------

function extension(parameters: Parameters): Extension {
  const params = Object.entries(parameters).map(([name, value]: [string, number | true]): ExtensionParam => {
    return { name, value: value === true ? true : String(value) };
  });
  return { name: DEFLATE, params };
}

/** The parameters, or what is wrong with them. */
function readParameters(params: readonly ExtensionParam[]): Parameters | string {
  const read: Record<string, number | true> = {};
  for (const { name, value } of params) {
    if (Object.hasOwn(read, name)) return `${name} twice`;
    const readValue = READERS.get(name);
    if (readValue === undefined) return `the unknown parameter ${name}`;
    const parsed = readValue(value);
    if (parsed === undefined) return `${name}${value === true ? ' without a value' : `=${value}`}`;
    read[name] = parsed;
  }
  return read;
}

type ValueReader = (value: string | true) => number | true | undefined;

const flag: ValueReader = (value) => (value === true ? true : undefined);

/** RFC 7692 §7.1.2: a decimal number without leading zeros. */
const windowBits: ValueReader = (value) => {
  const bits = value !== true && /^[1-9]\d?$/.test(value) ? Number(value) : 0;
  return bits >= MIN_WINDOW_BITS && bits <= MAX_WINDOW_BITS ? bits : undefined;
};

const READERS: ReadonlyMap<string, ValueReader> = new Map([
  ['server_no_context_takeover', flag],
  ['client_no_context_takeover', flag],
  ['server_max_window_bits', windowBits],
  ['client_max_window_bits', (value) => (value === true ? true : windowBits(value))],
]);
