/**
 * The client's opening handshake over node:http (§4.1): request, redirects, the check of the answer, and every way in
 * which it can end. It hands over an upgraded socket or one error, and refuses to know what a WebSocket does with either.
 */

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { type AgreedDeflate, acceptResponse, PERMESSAGE_DEFLATE } from '../deflate/negotiate.ts';
import { checkUpgradeResponse, generateKey, HeaderMap } from '../handshake/index.ts';
import { ignoreError } from '../transport/errors.ts';
import { type Address, isSameHost, parseRedirect } from './address.ts';
import { connectDirectly, connectThrough } from './connector.ts';
import { Http2Request } from './http2-request.ts';
import { type DialPlan, requestOptions } from './options.ts';
import { chooseProxy } from './proxy.ts';

/** An opening handshake that succeeded. */
export interface DialedConnection {
  readonly socket: Duplex;
  /** Bytes that came behind the response's head. */
  readonly rest: Buffer;
  readonly subprotocol: string | undefined;
  /** What was agreed on for compression, if anything. */
  readonly deflate: AgreedDeflate | undefined;
}

type Answer =
  | ({ readonly ok: true } & Pick<DialedConnection, 'subprotocol' | 'deflate'>)
  | { readonly ok: false; readonly message: string };

/** Who hears how the handshake goes. Exactly one of `opened` and `failed` is called, unless the dial is aborted. */
export interface DialHandler {
  /** A response that upgrades, before it is checked. */
  upgrade(response: IncomingMessage): void;
  /** The next request, before it is sent. */
  redirect(url: string, request: ClientRequest): void;
  /** Whether somebody looks after redirects, and so after what they reveal. */
  isRedirectWatched(): boolean;
  /** A response that neither upgrades nor redirects. @returns whether somebody takes it, and will abort the dial */
  unexpectedResponse(request: ClientRequest, response: IncomingMessage): boolean;
  opened(connection: DialedConnection): void;
  failed(error: Error): void;
}

/**
 * Starts the handshake.
 * @param abort aborts it silently: no further call to `handler`
 * @throws {TypeError} when a header has illegal characters; nothing has been sent then
 * @throws {SyntaxError} when the proxy is not an http: or https: URL
 */
export function dial(address: Address, plan: DialPlan, handler: DialHandler, abort: AbortSignal): void {
  new Dial(address, plan, handler, abort).start();
}

/**
 * Fields that say nothing about who asks and so may go along to another origin. All others may be secrets of the first:
 * an API key can have any name.
 */
const SAFE_FIELDS = ['accept', 'accept-encoding', 'accept-language', 'cache-control', 'origin', 'pragma', 'user-agent'];

class Dial {
  readonly #first: Address;
  readonly #plan: DialPlan;
  readonly #handler: DialHandler;
  #current: ClientRequest | undefined;
  #cancelTunnel: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #redirects = 0;
  /** The first that were found: later addresses do not replace them. */
  #credentials: string | undefined;
  /** Whether a redirect has led to another origin, or out of TLS. What is behind it is where others have sent us. */
  #hasLeftOrigin = false;
  #isSettled = false;
  readonly #onUserAbort = () => this.#fail(abortError(this.#plan.options.signal?.reason));

  constructor(first: Address, plan: DialPlan, handler: DialHandler, abort: AbortSignal) {
    this.#first = first;
    this.#plan = plan;
    this.#handler = handler;
    abort.addEventListener('abort', () => {
      this.#settle();
      this.#abandon();
    });
    const { signal } = plan.options;
    signal?.addEventListener('abort', this.#onUserAbort);
  }

  /** Sends the first request. What is wrong with it is thrown, and nothing is left behind. */
  start(): void {
    try {
      this.#request(this.#first);
    } catch (error) {
      this.#settle();
      this.#abandon();
      throw error;
    }
  }

  #request(address: Address): void {
    const { finishRequest, options } = this.#plan;
    if (options.signal?.aborted) {
      this.#onUserAbort();
      return;
    }
    const key = generateKey((lengthBytes) => process.getBuiltinModule('node:crypto').randomBytes(lengthBytes));
    const request = this.#makeRequest(address, this.#requestOptions(address, key));
    this.#current = request;
    this.#startTimer();
    this.#listen(request, address, key);
    if (this.#redirects > 0) this.#handler.redirect(address.url, request);
    if (this.#isSettled) return;
    if (finishRequest === undefined) request.end();
    else finishRequest(request);
  }

  #makeRequest(address: Address, options: RequestOptions): ClientRequest {
    const { http2 } = this.#plan.options;
    if (http2) {
      if (http2 !== true && this.#redirects > 0 && !isSameHost(this.#first, address)) {
        throw new Error(`Redirect to ${address.url} refused: the HTTP/2 session that was given leads to another host`);
      }
      return new Http2Request(address, options, http2 === true ? undefined : http2) as unknown as ClientRequest;
    }
    // As members, not as names of their own: tools that watch requests replace them.
    return process.getBuiltinModule(address.isSecure ? 'node:https' : 'node:http').request(options);
  }

  #requestOptions(address: Address, key: string): RequestOptions {
    const { options } = this.#plan;
    const mayHave = this.#fieldsFor(address);
    if (mayHave === undefined) this.#credentials ??= address.credentials ?? options.auth ?? undefined;
    const credentials = mayHave === undefined ? this.#credentials : undefined;
    const given = requestOptions(this.#plan, { address, key, credentials, mayHave });
    const proxy = chooseProxy(options, address);
    if (proxy === undefined) {
      given.createConnection ??= (socketOptions) => connectDirectly(address, socketOptions);
    } else {
      // `agent: false` would have node:http make one, which connects in its own way.
      given.agent = undefined;
      given.createConnection = (socketOptions, done) => {
        this.#cancelTunnel = connectThrough(proxy, address, socketOptions, done);
        return undefined;
      };
    }
    return given;
  }

  /**
   * What was meant for the first host goes neither to another nor out of TLS. It does not come back either: the other has
   * chosen the way. Undefined when all fields may go.
   */
  #fieldsFor(address: Address): ((lowerCaseName: string) => boolean) | undefined {
    const isSame = isSameHost(this.#first, address);
    if (!isSame || (this.#first.isSecure && !address.isSecure)) this.#hasLeftOrigin = true;
    if (!this.#hasLeftOrigin || this.#handler.isRedirectWatched()) return undefined;
    return (name) => SAFE_FIELDS.includes(name) || (isSame && name === 'host');
  }

  #listen(request: ClientRequest, address: Address, key: string): void {
    request.on('error', (error) => {
      if (request === this.#current) this.#fail(error);
    });
    request.on('response', (response) => {
      if (request === this.#current) this.#responded(request, response, address);
    });
    request.on('upgrade', (response, socket, rest) => {
      // Until somebody takes the socket over, and when nobody does.
      socket.on('error', ignoreError);
      if (request === this.#current) this.#upgraded(response, socket, rest, key);
      else socket.destroy();
    });
  }

  #responded(request: ClientRequest, response: IncomingMessage, address: Address): void {
    const { statusCode = 0 } = response;
    const { location } = response.headers;
    const { options, maxRedirects } = this.#plan;
    if (location && options.followRedirects && statusCode >= 300 && statusCode < 400) {
      if (++this.#redirects > maxRedirects) this.#fail(new Error('Maximum redirects exceeded'));
      else this.#redirect(location, address);
    } else if (!this.#handler.unexpectedResponse(request, response)) {
      this.#fail(new Error(`Unexpected server response: ${statusCode}`));
    }
  }

  #redirect(location: string, from: Address): void {
    this.#abandon();
    try {
      this.#request(parseRedirect(location, from));
    } catch (error) {
      // By now there is nobody to throw at.
      this.#fail(error as Error);
    }
  }

  /** §4.1: the answer is checked, and the connection failed when it is not what was asked for. */
  #upgraded(response: IncomingMessage, socket: Duplex, rest: Buffer, key: string): void {
    this.#handler.upgrade(response);
    if (this.#isSettled) {
      socket.destroy();
      return;
    }
    const answer = this.#judge(response, key);
    if (!answer.ok) {
      socket.destroy();
      this.#fail(new Error(answer.message));
      return;
    }
    this.#settle();
    this.#current = undefined;
    socket.off('error', ignoreError);
    this.#handler.opened({ socket, rest, subprotocol: answer.subprotocol, deflate: answer.deflate });
  }

  /** Whether the answer may follow the request (§4.1), and what it agrees to (RFC 7692 §7.1). */
  #judge(response: IncomingMessage, key: string): Answer {
    const { subprotocols, deflate: settings, options } = this.#plan;
    const answer = checkUpgradeResponse(
      { statusCode: response.statusCode ?? 0, headers: new HeaderMap(response.rawHeaders) },
      {
        key: options.http2 ? undefined : key,
        subprotocols,
        extensions: settings === undefined ? [] : [PERMESSAGE_DEFLATE],
      },
    );
    if (!answer.ok) return answer;
    const { subprotocol } = answer;
    const negotiation = settings && acceptResponse(answer.extensions, settings);
    if (negotiation?.outcome === 'refused') return { ok: false, message: negotiation.message };
    if (negotiation?.outcome !== 'accepted') return { ok: true, subprotocol, deflate: undefined };
    return { ok: true, subprotocol, deflate: { agreed: negotiation.agreed, settings: settings! } };
  }

  /** From the first moment of a request, its connection included, to the answer; each redirect has as long again. */
  #startTimer(): void {
    const { handshakeTimeoutMs } = this.#plan;
    if (handshakeTimeoutMs === 0) return;
    this.#timer = setTimeout(() => this.#fail(new Error('Opening handshake has timed out')), handshakeTimeoutMs);
    this.#timer.unref();
  }

  #fail(error: Error): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#abandon();
    this.#handler.failed(error);
  }

  #settle(): void {
    this.#isSettled = true;
    this.#plan.options.signal?.removeEventListener('abort', this.#onUserAbort);
    clearTimeout(this.#timer);
  }

  /** §7.2.1: gives the current request up, with its socket and the tunnel that it may still be waiting for. */
  #abandon(): void {
    const request = this.#current;
    this.#current = undefined;
    clearTimeout(this.#timer);
    this.#cancelTunnel();
    request?.destroy();
    // A request whose answer has been read to its end has let go of its socket, and left it open.
    request?.socket?.destroy();
  }
}

/** Named and coded as Node's own. */
function abortError(cause: unknown): Error {
  const error = new Error('The opening handshake was aborted', { cause });
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}
