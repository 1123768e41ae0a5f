/**
 * A stream of HTTP/2 (RFC 8441 §5) with the face of a connection of HTTP/1.1: programs write and read heads as octets, and the
 * fields of them go over the stream. What HTTP/2 has no place for is left out.
 */

import type { ClientHttp2Session, Http2Stream, ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import { isOnlyInHttp1 } from '../../handshake/index.ts';
import { asTransport, respondOn } from '../../transport/http2-stream.ts';
import { type Head, readHead } from './heads.ts';

class Http1Face extends Duplex {
  readonly #begin: (head: Head) => Http2Stream;
  readonly #onDestroy: () => void;
  #head = Buffer.alloc(0);
  /** Undefined until a whole head was written. */
  #stream: Http2Stream | undefined;
  /** What is read; of a server there from the start. */
  #source: Http2Stream | undefined;
  #hasEnded = false;

  constructor(begin: (head: Head) => Http2Stream, onDestroy: () => void) {
    super();
    this.#begin = begin;
    this.#onDestroy = onDestroy;
  }

  /** Hands over what comes on the stream. */
  reads(stream: Http2Stream): void {
    this.#source = stream;
    stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause();
    });
    stream.on('error', () => this.giveEnd());
    stream.on('end', () => this.giveEnd());
    stream.on('close', () => this.giveEnd());
  }

  giveEnd(): void {
    if (this.#hasEnded || this.destroyed) return;
    this.#hasEnded = true;
    this.push(null);
  }

  override _read(): void {
    this.#source?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let bytes = chunk;
    if (this.#stream === undefined) {
      this.#head = Buffer.concat([this.#head, chunk]);
      const head = readHead(this.#head);
      if (head === undefined) {
        done();
        return;
      }
      this.#stream = this.#begin(head);
      bytes = this.#head.subarray(head.lengthBytes);
    }
    // What fails shows in what comes, as the end.
    if (this.#stream.writable) this.#stream.write(bytes, () => done());
    else done();
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#stream?.writable) this.#stream.end(() => done());
    else done();
  }

  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    this.#source?.destroy();
    this.#onDestroy();
    done();
  }
}

function fieldsIn({ fields }: Head): (readonly [name: string, value: string])[] {
  return fields.filter(([name]) => !isOnlyInHttp1(name));
}

/** The fuzzer as client, on a session of its own: its request becomes an extended CONNECT. */
export function faceOfSession(session: ClientHttp2Session, authority: string, isSecure: boolean): Duplex {
  const face = new Http1Face(
    (head) => {
      const headers: Record<string, string | string[]> = {
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': isSecure ? 'https' : 'http',
        ':authority': authority,
        ':path': head.start.split(' ')[1] ?? '/',
      };
      for (const [name, value] of fieldsIn(head)) {
        const before = headers[name];
        headers[name] = before === undefined ? value : [before, value].flat();
      }
      const stream = asTransport(session.request(headers, { endStream: false }));
      stream.on('response', (fields) => {
        const status = fields[':status'] === 200 ? '101 Switching Protocols' : String(fields[':status']);
        const lines = Object.entries(fields).filter(([name]) => !name.startsWith(':'));
        face.push([`HTTP/1.1 ${status}`, ...lines.map(([name, value]) => `${name}: ${value}`), '\r\n'].join('\r\n'));
      });
      face.reads(stream);
      return stream;
    },
    () => session.destroy(),
  );
  session.on('error', () => face.giveEnd());
  session.on('close', () => face.giveEnd());
  return face;
}

/** The fuzzer as server: its answer becomes that to the extended CONNECT of the stream. */
export function faceOfStream(stream: ServerHttp2Stream): Duplex {
  const face = new Http1Face(
    (head) => {
      const status = head.start.split(' ')[1] === '101' ? '200' : head.start.split(' ')[1];
      if (!stream.destroyed && !stream.closed) {
        respondOn(stream, [`HTTP/2 ${status}`, ...fieldsIn(head).map(([name, value]) => `${name}: ${value}`)]);
      }
      return stream;
    },
    () => {},
  );
  face.reads(stream);
  return face;
}
