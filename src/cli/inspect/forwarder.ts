/**
 * Forwards TCP connections to a target, byte by byte as they come: back-pressure, half-closed connections and resets
 * included, with TLS on either side if asked to. It knows nothing of HTTP or WebSocket. What has passed is written down
 * behind the write that forwards it; that waits for nobody.
 */

import { connect, createServer, isIP, type ListenOptions, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContextOptions, connect as startTls, TLSSocket } from 'node:tls';
import type { Direction } from '../../inspector/index.ts';
import { isPlainSocket } from '../../transport/shared-read.ts';
import type { NoteWriter } from './notes.ts';
import { readReused } from './reused-read.ts';

/** Plain data, since it goes to another thread. */
export interface ForwarderOptions {
  readonly listen: ListenOptions;
  /** Certificate and key for TLS with the clients; without them they come without TLS. */
  readonly tls?: SecureContextOptions | undefined;
  readonly target: {
    readonly host: string;
    readonly port: number;
    /** In place of both. */
    readonly socketPath?: string | undefined;
    /** Whom to trust, and who we are; undefined for no TLS. */
    readonly tls?: (SecureContextOptions & { servername?: string; rejectUnauthorized?: boolean }) | undefined;
  };
}

/** Why a connection has ended, where it was not by FIN from both sides; as JSON in a note. */
export interface Trouble {
  readonly side: 'client' | 'target';
  /** Whether both sides were connected, so that bytes could pass. */
  readonly wasOpen: boolean;
  readonly code: string;
  readonly message: string;
}

/** Such as a client that does not take our certificate. */
const GONE: Trouble = { side: 'client', wasOpen: false, code: '', message: 'it has closed the connection' };

/** What is read here is HTTP/1.1: nobody may agree on anything else by ALPN. */
const ALPN = ['http/1.1'];

/** Resolves once it listens. @throws what node:net says when it cannot, and node:tls of certificate and key */
export async function startForwarder(options: ForwarderOptions, notes: NoteWriter): Promise<Server> {
  const secureContext = options.tls && createSecureContext(options.tls);
  let count = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (raw) => {
    const socket = secureContext && new TLSSocket(raw, { isServer: true, secureContext, ALPNProtocols: ALPN });
    new Link(++count, raw, options.target, notes).accept(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.listen, resolve);
  });
  return server;
}

/** A client's connection, and the one to the target that it is joined with. */
class Link {
  readonly #number: number;
  readonly #target: ForwarderOptions['target'];
  readonly #notes: NoteWriter;
  /** The TCP sockets; with TLS others stand on them. */
  readonly #raw: Socket[];
  #openSockets = 0;
  /** The two that are forwarded, once both are connected. */
  #joined: readonly Socket[] = [];
  #isMissed = false;
  #trouble: Trouble | undefined;

  constructor(number: number, client: Socket, target: ForwarderOptions['target'], notes: NoteWriter) {
    this.#number = number;
    this.#raw = [client];
    this.#target = target;
    this.#notes = notes;
    const { remoteAddress = 'unix', remotePort } = client;
    notes.tell('opened', number, `from ${remoteAddress}${remotePort === undefined ? '' : `:${remotePort}`}`);
    this.#watch(client, 'client');
  }

  /** Nobody is read from before the target can be written to. @param secure what stands on the client's socket, with TLS */
  accept(secure: TLSSocket | undefined): void {
    const [client] = this.#raw as [Socket];
    if (secure === undefined) {
      this.#dial(client);
      return;
    }
    this.#watch(secure, 'client');
    // The one event that tells of a handshake that has failed.
    secure.on('_tlsError', (error: Error) => this.#fail('client', error));
    secure.once('secure', () => this.#dial(secure));
  }

  #dial(client: Socket): void {
    const { host, port, socketPath, tls } = this.#target;
    const place = socketPath === undefined ? { host, port } : { path: socketPath };
    const raw = connect({ ...place, allowHalfOpen: true, noDelay: true });
    this.#raw.push(raw);
    this.#watch(raw, 'target');
    raw.once('connect', () => {
      if (tls === undefined) {
        this.#join(client, raw);
        return;
      }
      const servername = tls.servername ?? (isIP(host) === 0 ? host : '');
      const secure = startTls({ ...tls, socket: raw, host, servername, ALPNProtocols: ALPN });
      this.#watch(secure, 'target');
      secure.once('secureConnect', () => this.#join(client, secure));
    });
  }

  #join(client: Socket, target: Socket): void {
    if (client.destroyed || target.destroyed) return;
    this.#joined = [client, target];
    this.#forward(client, target, 'clientToServer');
    this.#forward(target, client, 'serverToClient');
  }

  #forward(from: Socket, to: Socket, direction: Direction): void {
    const pass = (chunk: Buffer): boolean => {
      if (!to.write(chunk)) from.pause();
      if (!this.#isMissed && !this.#notes.bytes(this.#number, direction, chunk)) this.#miss();
      return to.writableLength > 0;
    };
    from.on('data', pass);
    // What TLS writes waits to be encrypted.
    if (isPlainSocket(to)) readReused(from, pass);
    to.on('drain', () => from.resume());
    from.on('end', () => {
      to.end();
      this.#notes.finished(this.#number, direction);
    });
    from.resume();
  }

  #miss(): void {
    this.#isMissed = true;
    this.#notes.tell('missed', this.#number, '');
  }

  #watch(socket: Socket, side: Trouble['side']): void {
    this.#openSockets++;
    socket.on('error', (error) => this.#fail(side, error));
    socket.on('close', () => {
      if (this.#isCut(socket)) this.#reset();
      if (--this.#openSockets > 0) return;
      const trouble = this.#trouble ?? (this.#joined.length === 0 ? GONE : undefined);
      if (trouble === undefined) this.#notes.tell('ended', this.#number, '');
      else this.#notes.tell('cut', this.#number, JSON.stringify(trouble));
    });
  }

  /** Whether a socket that is closed was not ended by both sides. TCP sockets below TLS are not asked. */
  #isCut(socket: Socket): boolean {
    if (this.#joined.length === 0) return true;
    return this.#joined.includes(socket) && !(socket.readableEnded && socket.writableFinished);
  }

  /** What cuts one side cuts the other. */
  #fail(side: Trouble['side'], { code = '', message }: NodeJS.ErrnoException): void {
    this.#trouble ??= { side, wasOpen: this.#joined.length > 0, code, message };
    this.#reset();
  }

  #reset(): void {
    for (const socket of this.#raw) {
      if (socket.destroyed) continue;
      // Unix sockets know no reset, and a FIN that is on its way cannot be taken back.
      const canReset = socket.remotePort !== undefined && (!socket.writableEnded || socket.writableFinished);
      if (canReset) socket.resetAndDestroy();
      else socket.destroy();
    }
  }
}
