/**
 * The permessage-deflate extension (RFC 7692) as ws exports it: negotiation on parsed header values, then messages in and
 * out by callback. A WebSocket does not compress through it.
 */

import { inCallersContext } from '../deflate/async-context.ts';
import { MessageDeflater, MessageInflater } from '../deflate/codec.ts';
import {
  acceptOffers,
  acceptResponse,
  compressionThreshold,
  type DeflateOptions,
  type DeflateParams,
  type DeflateSettings,
  directionOf,
  makeOffer,
  type Negotiation,
  PERMESSAGE_DEFLATE,
  resolveDeflateSettings,
} from '../deflate/negotiate.ts';
import type { Extension } from '../handshake/index.ts';
import { ownCopyOf } from '../memory/view.ts';
import { definedOf, inOurNames } from '../options/connection-options.ts';
import { DEFLATE_KINDS } from '../options/deflate-options.ts';
import { checkOptions, FLAG } from '../options/option-check.ts';
import { doorOf, limitsBut } from '../options/option-table.ts';
import { type Limits, type Role, resolveLimits, UNLIMITED } from '../protocol/index.ts';
import { violationError } from '../transport/errors.ts';
import type { ExtensionParams } from './parsers.ts';

export interface PerMessageDeflateOptions extends DeflateOptions {
  /** Which side this is. Default false, the client. */
  readonly isServer?: boolean | undefined;
  /** `maxMessageBytes`: longest message, in bytes. Default: no limit. */
  readonly limits?: Pick<Partial<Limits>, 'maxMessageBytes'> | undefined;
  /** `limits.maxMessageBytes`; 0 for no limit. */
  readonly maxPayload?: number | undefined;
}

/** What both sides agreed on, under the names of RFC 7692 §7.1. */
export interface PerMessageDeflateParams {
  server_no_context_takeover?: true;
  client_no_context_takeover?: true;
  server_max_window_bits?: number;
  client_max_window_bits?: number | true;
}

const DOOR = doorOf('PerMessageDeflate', {
  ...DEFLATE_KINDS,
  isServer: FLAG,
  // It knows no frames.
  limits: limitsBut(
    'maxFrameBytes',
    'maxFragments',
    'maxPendingPongs',
    'maxControlFramesBetweenData',
    'controlWindowMs',
  ),
});

type Callback = (error: Error | null, output?: Buffer) => void;

const NOTHING = Buffer.alloc(0);
/** A stored block of no bytes (RFC 7692 §7.2.1 leaves a fragment its tail): what a flush with nothing new comes to in ws. */
const EMPTY_BLOCK = Uint8Array.of(0x00, 0x00, 0x00, 0xff, 0xff);

export class PerMessageDeflate {
  static get extensionName(): string {
    return PERMESSAGE_DEFLATE;
  }

  /** Null until `accept` has agreed. */
  params: PerMessageDeflateParams | null = null;
  readonly #role: Role;
  readonly #settings: DeflateSettings;
  readonly #maxBytes: number;
  #agreed: DeflateParams | undefined;
  #inflater: MessageInflater | undefined;
  #deflater: MessageDeflater | undefined;
  /** Who waits for something to be compressed. */
  readonly #compressing = new Set<Callback>();
  /** The fragments so far of the message being decompressed. */
  #fragments: Uint8Array[] = [];

  /**
   * @throws {TypeError | RangeError} for options of the wrong kind or out of their range, for two names of one thing that
   *   contradict each other, and for an option of ours that is taken elsewhere only
   */
  constructor(options?: PerMessageDeflateOptions | null) {
    const given = options ?? {};
    checkOptions(DOOR, given);
    const { isServer, limits, ...settings } = inOurNames('PerMessageDeflate', given);
    this.#role = isServer ? 'server' : 'client';
    this.#settings = resolveDeflateSettings(settings, this.#role, 'ws');
    this.#maxBytes = resolveLimits({ ...UNLIMITED, ...definedOf(limits) }).maxMessageBytes;
  }

  /** The parameters that a client offers. */
  offer(): PerMessageDeflateParams {
    return readParams(makeOffer(this.#settings));
  }

  /**
   * As a server, chooses among offers; as a client, takes the answer.
   * @param configurations as `extension.parse` gives them for this extension
   * @throws {Error} when one is malformed, or none can be accepted
   */
  accept(configurations: readonly ExtensionParams[]): PerMessageDeflateParams {
    const extensions = configurations.map(writeParams);
    const isServer = this.#role === 'server';
    const negotiation = isServer
      ? acceptOffers(extensions, this.#settings)
      : acceptResponse(extensions, this.#settings);
    if (negotiation.outcome !== 'accepted') throw negotiationError(negotiation);
    const { agreed, response } = negotiation;
    // ws gives back one of the objects that it was given; those of `extension.parse` have no prototype.
    const [like = null] = configurations;
    const params = Object.assign(
      Object.create(like && Object.getPrototypeOf(like)),
      readParams(response),
    ) as PerMessageDeflateParams;
    if (!isServer) {
      // What the client asked of itself holds, whether the answer repeats it or not.
      if (agreed.clientNoContextTakeover) params.client_no_context_takeover = true;
      if (typeof this.#settings.clientMaxWindowBits === 'number') {
        params.client_max_window_bits = agreed.clientMaxWindowBits;
      }
    }
    this.#agreed = agreed;
    this.params = params;
    return params;
  }

  /** Bytes below which a message of this side is not worth compressing. */
  get compressionThreshold(): number {
    return compressionThreshold(this.#agreement, this.#settings);
  }

  /**
   * Compresses a message, or with `fin` false a fragment of one.
   * @param callback called later, in the order of the calls
   * @throws {Error} before `accept`
   */
  compress(data: Uint8Array | string, fin: boolean, callback: Callback): void {
    this.#deflater ??= new MessageDeflater(this.#codecOptions(this.#role));
    const payload = typeof data === 'string' ? Buffer.from(data) : data;
    const done = inCallersContext(callback);
    this.#compressing.add(done);
    this.#deflater.deflate(payload, fin, (error, output) => {
      // Never during the call: the caller expects to finish first, and may call `cleanup` in the next tick.
      setImmediate(() => {
        if (!this.#compressing.delete(done)) return;
        if (error === undefined) done(null, output.length === 0 ? Buffer.from(EMPTY_BLOCK) : asBuffer(output));
        else done(error);
      });
    });
  }

  /**
   * Decompresses a message. A fragment (`fin` false) gives nothing yet: the last one gives the whole message.
   * @param callback called later, in the order of the calls
   * @throws {Error} before `accept`
   */
  decompress(data: Uint8Array, fin: boolean, callback: Callback): void {
    const peer = this.#role === 'server' ? 'client' : 'server';
    this.#inflater ??= new MessageInflater(this.#codecOptions(peer));
    if (!fin) {
      this.#fragments.push(Buffer.from(data));
      process.nextTick(callback, null, NOTHING);
      return;
    }
    // A copy in any case: large messages are read in the thread pool.
    const message = Buffer.concat([...this.#fragments, data]);
    this.#fragments = [];
    this.#inflater.inflate(message, 0, message.length, this.#maxBytes, (fault, output, isLent) => {
      if (fault === undefined) process.nextTick(callback, null, isLent ? ownCopyOf(output) : asBuffer(output));
      else if (fault.id === 'tooLong') process.nextTick(callback, violationError('messageTooLong', 0));
      else if (fault.id === 'corrupt') process.nextTick(callback, fault.error);
      // Closed by `cleanup`: nobody waits for the message any more.
    });
  }

  /** Frees the memory. Compressions under way end with an error, in this call; decompressions never call back. */
  cleanup(): void {
    this.#inflater?.close();
    this.#deflater?.close();
    this.#inflater = undefined;
    this.#deflater = undefined;
    this.#fragments = [];
    const compressing = [...this.#compressing];
    this.#compressing.clear();
    for (const done of compressing) {
      done(new Error('The deflate stream was closed while data was being processed'));
    }
  }

  get #agreement(): DeflateParams {
    if (this.#agreed === undefined) throw new Error('Nothing has been agreed on yet: call accept() first');
    return this.#agreed;
  }

  #codecOptions(sender: Role) {
    const { concurrencyLimit, zlibDeflateOptions, zlibInflateOptions } = this.#settings;
    const zlibOptions = sender === this.#role ? zlibDeflateOptions : zlibInflateOptions;
    return { ...directionOf(this.#agreement, sender), concurrencyLimit, zlibOptions };
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function writeParams(params: ExtensionParams): Extension {
  return {
    name: PERMESSAGE_DEFLATE,
    params: Object.entries(params).flatMap(([name, values]) => values.map((value) => ({ name, value }))),
  };
}

function readParams({ params }: Extension): PerMessageDeflateParams {
  return Object.fromEntries(params.map(({ name, value }) => [name, value === true ? true : Number(value)]));
}

/** ws's classes and texts: malformed parameters are named, everything else is one error. */
function negotiationError(negotiation: Exclude<Negotiation, { outcome: 'accepted' }>): Error {
  const reason = negotiation.outcome === 'refused' ? negotiation.reason : 'permessage-deflate is not among them';
  if (reason.startsWith('Invalid value')) return new TypeError(reason);
  if (/^(?:Parameter|Unknown|Unexpected|Missing|Invalid|The extension) /.test(reason)) return new Error(reason);
  return new Error('None of the extension offers can be accepted', { cause: reason });
}
