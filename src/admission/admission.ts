/**
 * What a server asks before it accepts a request that is well formed: whether there is room, and who it is. Servers whose
 * options say nothing of either have no Admission.
 */

import type { AcceptableRequest } from '../handshake/index.ts';
import type { Identity } from '../options/connection-settings.ts';
import { addressKey, plainAddress } from './address.ts';
import type { Arrival } from './arrival.ts';
import { type Authenticate, askAuthenticate, type Watched } from './authenticate.ts';
import { clientAddress } from './forwarded.ts';
import { Occupancy } from './occupancy.ts';
import type { AdmissionOptions } from './options.ts';
import type { Rejection } from './rejection.ts';
import { findToken, type TokenOptions, withoutTokens } from './tokens.ts';
import { Visitor } from './visitor.ts';

/** Takes a verdict; with true comes who it is, where that is known. */
export type Decide = (verdict: true | Rejection, identity?: Identity) => void;

/** Asks a hook, which answers now or later by one of the two. */
export type Ask = (decide: (verdict: true | Rejection) => void, fail: (error: unknown) => void) => void;

/** A request, and the stream on which it has come. */
interface Applicant {
  readonly request: Pick<AcceptableRequest, 'resourceName' | 'subprotocols'>;
  readonly arrival: Arrival;
  readonly socket: Watched;
}

type Given = Omit<AdmissionOptions<never>, 'authenticate'> & {
  readonly authenticate?: Authenticate<never, unknown> | undefined;
  readonly verifyClient?: unknown;
};

export class Admission {
  readonly #authenticate: Authenticate<unknown, unknown> | undefined;
  readonly #tokens: TokenOptions;
  readonly #hops: number;
  readonly occupancy: Occupancy | undefined;
  readonly #timeoutMs: number;

  /**
   * What a server's options come to, which have been checked one by one.
   * @param timeoutMs how long `authenticate` may take; 0 for ever
   * @returns undefined when there is nothing to ask
   * @throws {TypeError} for options that do not go together
   */
  static from(door: string, given: Given, timeoutMs: number): Admission | undefined {
    const { authenticate, tokens, trustProxy, maxConnections, maxConnectionsPerAddress } = given;
    const deciders = (['authenticate', 'authorize', 'verifyClient'] as const).filter((name) => given[name]);
    if (deciders.length > 1) {
      throw new TypeError(`${door}: ${deciders.join(' and ')} both decide: give one of them`);
    }
    if (tokens && !authenticate) {
      throw new TypeError(`${door}: tokens says where authenticate finds its token: give authenticate as well`);
    }
    const isNeeded = authenticate || trustProxy || maxConnections || maxConnectionsPerAddress;
    return isNeeded ? new Admission(given, timeoutMs) : undefined;
  }

  private constructor(given: Given, timeoutMs: number) {
    const { authenticate, tokens, trustProxy, maxConnections, maxConnectionsPerAddress } = given;
    this.#authenticate = (authenticate || undefined) as Authenticate<unknown, unknown> | undefined;
    this.#tokens = tokens || {};
    this.#hops = trustProxy || 0;
    if (maxConnections || maxConnectionsPerAddress) {
      this.occupancy = new Occupancy(maxConnections || Infinity, maxConnectionsPerAddress || Infinity);
    }
    this.#timeoutMs = timeoutMs;
  }

  /** What the server may choose from: a token is no subprotocol. */
  subprotocolsOf({ subprotocols }: Applicant['request']): readonly string[] {
    return withoutTokens(subprotocols, this.#tokens);
  }

  /**
   * Decides on a request that has passed the checks of the handshake.
   * @param ask the server's other hook, where there is no `authenticate`
   */
  admit({ request, arrival, socket }: Applicant, ask: Ask, decide: Decide, fail: (error: unknown) => void): void {
    const written = clientAddress(arrival.headers, this.#hops, arrival.remoteAddress ?? '');
    const address = addressKey(written);
    const fault = this.occupancy?.faultWith(address);
    if (fault !== undefined) {
      decide(fault);
      return;
    }
    // Counted until its end: also while a hook is asked.
    const leave = this.occupancy?.take(address);
    if (leave !== undefined) socket.once('close', leave);
    const settle: Decide = (verdict, identity) => {
      if (verdict !== true) leave?.();
      decide(verdict, identity);
    };
    const failAndLeave = (error: unknown): void => {
      leave?.();
      fail(error);
    };
    const authenticate = this.#authenticate;
    if (authenticate === undefined) {
      ask((verdict) => settle(verdict, { user: undefined, address, leave }), failAndLeave);
      return;
    }
    socket.pause();
    const { token, tokenSource } = findToken({ ...request, headers: arrival.headers }, this.#tokens) ?? {};
    const given = { request: arrival.request, token, tokenSource, address: plainAddress(written) };
    askAuthenticate(authenticate, given, socket, this.#timeoutMs).then((outcome) => {
      if (outcome === undefined) return;
      if ('user' in outcome) settle(true, new Visitor(address, outcome.user, leave));
      else settle(outcome);
    }, failAndLeave);
  }
}
