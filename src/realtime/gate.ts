/** Who gets in, and how much he may bring: the core's admission, for WebSockets and for what comes over plain HTTP, counted together. */

import type { Duplex } from 'node:stream';
import type { Admission } from '../admission/admission.ts';
import { type Authenticate, askAuthenticate, type Watched } from '../admission/authenticate.ts';
import type { MessageRate } from '../admission/message-limits.ts';
import type { RateTable } from '../admission/message-rate.ts';
import { type Origins, originRule } from '../admission/origins.ts';
import type { Rejection } from '../admission/rejection.ts';
import type { TokenOptions } from '../admission/tokens.ts';
import type { DeflateOptions } from '../deflate/negotiate.ts';
import { isOriginAllowed } from '../handshake/index.ts';
import type { HeartbeatOptions, Identity, MessageMeter } from '../options/connection-settings.ts';
import { describe, type OptionKind } from '../options/option-check.ts';
import { OPTIONS } from '../options/option-table.ts';
import type { Limits } from '../protocol/index.ts';
import { MAX_WORD_LENGTH, SUBPROTOCOL, TOKEN_PREFIX } from '../realtime-protocol/wire.ts';
import { gatesOf, WebSocketServer } from '../server/websocket-server.ts';
import type { EventRequest } from '../sse/event-request.ts';
import type { FirstAsked, HubRequest } from './hub-request.ts';
import { HubSocket } from './hub-socket.ts';
import type { HubUser } from './rules.ts';

/** Who may connect, and how much may come, under the names that servers have for it. */
export interface AdmissionOptions<User extends HubUser = HubUser> {
  /** The origins from which pages may connect, or a function that decides. Default 'same-origin'. */
  readonly origins?: Origins | undefined;
  /**
   * Refuse requests without Origin, which programs send. Browsers send none with a GET of the same origin: `hub.events` takes
   * such all the same. Default: true, unless there is `authenticate`.
   */
  readonly requiresOrigin?: boolean | undefined;
  /**
   * Asked who it is, of each connection and again when a client brings a new token: gets the token and returns the user, or calls
   * `refuse`. Without it, each connection has an id of its own.
   */
  readonly authenticate?: Authenticate<HubRequest, User> | undefined;
  /** Where `authenticate` finds its token, beside and above `{ bearer: true, subprotocol: 'bearer.' }`. */
  readonly tokens?: TokenOptions | undefined;
  /** How many proxies of yours stand in front of the server. Default 0. */
  readonly trustProxy?: number | undefined;
  /** Connections that there may be at once; one more gets 503. Default: no limit. */
  readonly maxConnections?: number | undefined;
  /** The same for each address, with 429. Default: no limit. */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** How fast messages may come, of one user or else from one address. Default: as fast as they can. */
  readonly messageRate?: MessageRate<HubRequest> | undefined;
  /** Ping connections, and end those that are silent. Default true. */
  readonly heartbeat?: boolean | HeartbeatOptions | undefined;
  /** How long `authenticate` may take, and the body of a request, in milliseconds. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Compress messages with clients that offer it. Default false. */
  readonly perMessageDeflate?: boolean | DeflateOptions | undefined;
  /** Limits of a connection. Here, `maxMessageBytes` is 65,536 by default. */
  readonly limits?: Partial<Limits> | undefined;
}

/** The kind of each, as servers check it. */
export const ADMISSION_KINDS: Readonly<Record<keyof AdmissionOptions, OptionKind>> = {
  origins: OPTIONS.origins.kind,
  requiresOrigin: OPTIONS.requiresOrigin.kind,
  authenticate: OPTIONS.authenticate.kind,
  tokens: OPTIONS.tokens.kind,
  trustProxy: OPTIONS.trustProxy.kind,
  maxConnections: OPTIONS.maxConnections.kind,
  maxConnectionsPerAddress: OPTIONS.maxConnectionsPerAddress.kind,
  messageRate: OPTIONS.messageRate.kind,
  heartbeat: OPTIONS.heartbeat.kind,
  handshakeTimeoutMs: OPTIONS.handshakeTimeoutMs.kind,
  perMessageDeflate: OPTIONS.perMessageDeflate.kind,
  limits: OPTIONS.limits.kind,
};

const DEFAULT_MAX_MESSAGE_BYTES = 65_536;
const DEFAULT_TOKENS: TokenOptions = { bearer: true, subprotocol: TOKEN_PREFIX };
const DEFAULT_TIMEOUT_MS = OPTIONS.handshakeTimeoutMs.default.WebSocketServer;

/** Who has been let in over plain HTTP. */
export interface Guest {
  /** Undefined without `authenticate`. */
  readonly user: HubUser | undefined;
  /** Counts what he brings, where that is limited. */
  readonly meter: MessageMeter | undefined;
}

export class Gate {
  readonly maxBodyBytes: number;
  readonly requiresOriginOfGet: boolean;
  readonly timeoutMs: number;
  readonly knowsUsers: boolean;
  /** Whose pages may connect, with what holds where nothing is given. */
  readonly origins: Pick<AdmissionOptions, 'origins' | 'requiresOrigin' | 'trustProxy'>;
  readonly #authenticate: Authenticate<HubRequest, HubUser> | undefined;
  /** By the requests of connections: what of them is kept for the next token. */
  readonly #asked = new WeakMap<HubRequest, FirstAsked>();
  readonly server: WebSocketServer;

  /**
   * @param highWaterMarkBytes of connections
   * @throws {TypeError | RangeError} for options that do not go together, or are out of their range
   */
  constructor(options: AdmissionOptions, highWaterMarkBytes: number) {
    const { authenticate, tokens, limits } = options;
    this.knowsUsers = authenticate !== undefined;
    this.timeoutMs = options.handshakeTimeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.maxBodyBytes = limits?.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
    this.requiresOriginOfGet = options.requiresOrigin ?? false;
    this.origins = {
      origins: options.origins ?? 'same-origin',
      requiresOrigin: options.requiresOrigin ?? !this.knowsUsers,
      trustProxy: options.trustProxy,
    };
    if (authenticate !== undefined) {
      this.#authenticate = async (given) => {
        const { request, address } = given;
        const user = withId(await authenticate(given));
        const { method, url, headers } = request;
        this.#asked.set(request, { request: { method, url, headers }, address });
        return user;
      };
    }
    this.server = new WebSocketServer({
      ...definedOf(options),
      ...this.origins,
      ...(this.#authenticate && { authenticate: this.#authenticate }),
      ...((authenticate ?? tokens) && { tokens: { ...DEFAULT_TOKENS, ...tokens } }),
      limits: { ...limits, maxMessageBytes: this.maxBodyBytes },
      heartbeat: options.heartbeat ?? true,
      noServer: true,
      WebSocket: HubSocket,
      // Sessions make text of each message at once.
      transientMessages: true,
      clientTracking: false,
      subprotocols: [SUBPROTOCOL],
      highWaterMarkBytes,
    } as ConstructorParameters<typeof WebSocketServer>[0]);
  }

  /** Answers an upgrade. @param connected called with the WebSocket of a client that has been let in */
  upgrade(request: HubRequest, socket: Duplex, rest: Buffer, connected: (webSocket: HubSocket) => void): void {
    this.server.handleUpgrade(request as never, socket, rest, connected as never);
  }

  /** Lets no WebSocket in from here on. */
  close(): void {
    this.server.close();
  }

  /** Whether pages of the request's origin may connect, and whoever sends none. */
  isOriginAllowed(request: EventRequest<HubRequest>): boolean {
    return isOriginAllowed(
      request.headers.get('origin'),
      originRule(this.origins, () => request),
    );
  }

  /** What asks about a request of whichever kind, if anything is asked. */
  get admission(): Admission | undefined {
    return gatesOf(this.server).admission;
  }

  /** How fast messages of users come, where that is limited. */
  get rates(): RateTable | undefined {
    return gatesOf(this.server).openMeter?.table;
  }

  /**
   * Asks about a request over plain HTTP what is asked about those for WebSockets, but for the origin.
   * @param life says when the request is over
   * @returns who it is, or how to refuse; never settled when the client goes away first
   * @throws what hooks throw, as a rejected promise
   */
  async admit(request: EventRequest<HubRequest>, life: Watched): Promise<Guest | Rejection> {
    const { admission, openMeter } = gatesOf(this.server);
    const identity = admission && (await identify(admission, request, life));
    if (identity !== undefined && 'reason' in identity) return identity;
    // As far as a meter looks at it.
    const socket = { remoteAddress: request.remoteAddress } as unknown as Duplex;
    return {
      user: identity?.user as HubUser | undefined,
      meter: openMeter?.(request.request, socket, identity),
    };
  }

  /** What is kept of a connection's request for `askAgain`; undefined where nobody is asked. */
  firstAsked(request: HubRequest): FirstAsked | undefined {
    return this.#asked.get(request);
  }

  /**
   * Asks about a new token of a user who is connected.
   * @returns who it is, or how he is refused; undefined when the connection has gone
   * @throws what the hook throws, as a rejected promise
   */
  async askAgain(first: FirstAsked, token: string, life: Watched): Promise<HubUser | Rejection | undefined> {
    const given = { ...first, token, tokenSource: 'bearer' } as const;
    const outcome = await askAuthenticate(this.#authenticate!, given, life, this.timeoutMs);
    return outcome !== undefined && 'user' in outcome ? (outcome.user as HubUser) : outcome;
  }
}

function identify(
  admission: Admission,
  request: EventRequest<HubRequest>,
  life: Watched,
): Promise<Identity | undefined | Rejection> {
  const applicant = { request: { ...request, subprotocols: [] }, arrival: request, socket: life };
  return new Promise((resolve, reject) => {
    admission.admit(
      applicant,
      (decide) => decide(true),
      (verdict, identity) => resolve(verdict === true ? identity : verdict),
      reject,
    );
  });
}

/** Users are known by their ids: in presence, limits and idempotency. */
function withId<User>(user: User): User {
  // Whoever returns something else is told by those who have asked.
  if (typeof user !== 'object' || user === null) return user;
  const { id } = user as { readonly id?: unknown };
  if (typeof id === 'string' && id !== '' && id.length <= MAX_WORD_LENGTH) return user;
  throw new TypeError(
    `authenticate() returned a user whose id is ${describe(id)}: give a string of 1 to ${MAX_WORD_LENGTH} characters`,
  );
}

function definedOf<Options extends object>(options: Options): Partial<Options> {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => value !== undefined && Object.hasOwn(ADMISSION_KINDS, name)),
  ) as Partial<Options>;
}
