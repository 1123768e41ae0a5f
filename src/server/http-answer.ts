/**
 * Plain HTTP answers on a socket that was asked for an upgrade and gets none (§4.2.2), or, on the bare TCP path, that
 * asked for something else.
 */

import type { Duplex } from 'node:stream';
import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { type HttpAnswer, isStreamed, type StreamedBody } from '../admission/http-answer.ts';
import { checkHeaderName, formatHead, reasonPhrase } from '../handshake/index.ts';
import { isWholeNumber } from '../protocol/whole-number.ts';
import { warnOfError } from '../transport/errors.ts';
import { destroyUnlessClosed } from '../transport/linger.ts';

const NOTHING = new Uint8Array(0);
const CRLF = Buffer.from('\r\n');
const OWN_FIELDS = ['content-length', 'connection', 'transfer-encoding'];

/**
 * Writes the answer, closes this side (§7.2.2), and lets the peer read it. To destroy a socket with unread input would
 * reset the connection, and the answer with it; after a while it is done all the same.
 */
export function endWith(socket: Duplex, answer: string | Uint8Array): void {
  destroyUnlessClosed(socket);
  // Once both sides have ended the stream destroys itself; a peer that ended first still gets the whole answer.
  socket.end(typeof answer === 'string' ? Buffer.from(answer, 'latin1') : answer);
  socket.resume();
}

/**
 * Writes an answer that another request may follow. A peer that does not take it in time is destroyed.
 * @param taken called when it has left; not when the socket has been lost
 */
export function writeAnswer(socket: Duplex, answer: Uint8Array, taken: () => void): void {
  const stop = destroyUnlessClosed(socket);
  socket.write(answer, (error) => {
    stop();
    if (!error && !socket.destroyed) taken();
  });
}

/**
 * The bytes of an HTTP answer.
 * @param hasBody false for the answer to a HEAD request, which announces a body and leaves it out
 * @param isLast false when another request may follow on the connection (RFC 9112 §9.3)
 * @throws {RangeError} when the status is not that of a final answer
 * @throws {TypeError} when a header has illegal characters
 */
export function formatAnswer(answer: HttpAnswer, hasBody: boolean, isLast = true): Uint8Array {
  const { status = 200, body = '' } = answer;
  const bytes = isBodiless(status) ? NOTHING : typeof body === 'string' ? Buffer.from(body) : body;
  const framing = isBodiless(status) ? {} : { 'Content-Length': bytes.length };
  return Buffer.concat([formatHeadOf(answer, framing, isLast), hasBody ? bytes : NOTHING]);
}

/** RFC 9112 §6.3: the client reads no body behind these, whatever is announced. */
const isBodiless = (status: number): boolean => status === 204 || status === 304;

function formatHeadOf(
  { status = 200, headers = {} }: HttpAnswer<unknown>,
  framing: Readonly<Record<string, string | number>>,
  isLast: boolean,
): Uint8Array {
  if (!isWholeNumber(status, 200, 599)) {
    throw new RangeError(`An answer needs an HTTP status from 200 to 599, not ${status}`);
  }
  const given = Object.entries(headers).filter(([name]) => !OWN_FIELDS.includes(name.toLowerCase()));
  for (const [name] of given) checkHeaderName(name);
  // RFC 9110 §7.8: whoever sends Upgrade lists it in Connection.
  const hasUpgrade = given.some(([name]) => name.toLowerCase() === 'upgrade');
  const persistence = isLast ? 'close' : 'keep-alive';
  const own = { ...framing, Connection: hasUpgrade ? `${persistence}, Upgrade` : persistence };
  const fields = [...given, ...Object.entries(own)].flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}`),
  );
  return Buffer.from(formatHead([`HTTP/1.1 ${status} ${reasonPhrase(status)}`, ...fields]), 'latin1');
}

/**
 * Writes an answer whose body comes piece by piece, no faster than the peer reads. It is the last one on the connection, and
 * the body is cancelled when the peer goes first.
 * @param isChunked whether the peer knows the chunked coding (RFC 9112 §7.1), from HTTP/1.1 on
 * @param hasBody false for the answer to a HEAD request
 * @throws as `formatAnswer`; then nothing has been written, and the body has been cancelled
 */
export function streamAnswer(
  socket: Duplex,
  answer: HttpAnswer<StreamedBody>,
  isChunked: boolean,
  hasBody: boolean,
): void {
  const source = sourceOf(answer.body!);
  try {
    const head = formatHeadOf(answer, isChunked ? { 'Transfer-Encoding': 'chunked' } : {}, true);
    if (hasBody && !isBodiless(answer.status ?? 200)) {
      socket.write(head);
      void pump(source, socket, isChunked);
      return;
    }
    endWith(socket, head);
  } catch (error) {
    source.destroy();
    throw error;
  }
  source.destroy();
}

/** A ReadableStream is cancelled even while nothing comes; through its iterator it would not be. */
function sourceOf(body: StreamedBody): Readable {
  return 'getReader' in body ? Readable.fromWeb(body as WebStream) : Readable.from(body);
}

/** For a body that nobody is going to read. */
export function cancelBody(body: unknown): void {
  if (isStreamed(body)) sourceOf(body).destroy();
}

async function pump(source: Readable, socket: Duplex, isChunked: boolean): Promise<void> {
  const stop = () => void source.destroy();
  // What the peer sends behind its request counts for nothing; its end means that nobody reads any more.
  const gone = () => void socket.destroy();
  socket.once('close', stop).once('end', gone).resume();
  try {
    for await (const piece of source) {
      const bytes: Uint8Array = typeof piece === 'string' ? Buffer.from(piece) : piece;
      // An empty chunk would be the last one.
      if (bytes.length === 0) continue;
      const written = isChunked ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF]) : bytes;
      if (!socket.write(written)) await drained(socket);
    }
    socket.off('end', gone);
    endWith(socket, isChunked ? '0\r\n\r\n' : '');
  } catch (error) {
    // Without its end the peer knows that the body is not whole. An AbortError is how a body says that it is meant so.
    if (!socket.destroyed && (error as Error | undefined)?.name !== 'AbortError') {
      warnOfError(error, 'the body of an answer of onRequest');
    }
    socket.destroy();
  } finally {
    socket.off('close', stop);
  }
}

function drained(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const goOn = () => {
      socket.off('drain', goOn).off('close', goOn);
      resolve();
    };
    socket.on('drain', goOn).on('close', goOn);
  });
}
