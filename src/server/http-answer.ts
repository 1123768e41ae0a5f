/**
 * Plain HTTP answers on a socket that was asked for an upgrade and gets none (§4.2.2), or, on the bare TCP path, that
 * asked for something else.
 */

import type { Duplex } from 'node:stream';
import type { HttpAnswer } from '../admission/http-answer.ts';
import { checkHeaderName, formatHead, reasonPhrase } from '../handshake/index.ts';

const NOTHING = new Uint8Array(0);
const OWN_FIELDS = ['content-length', 'connection', 'transfer-encoding'];

/** How long the peer may take to read an answer and close, in milliseconds. */
const LINGER_MS = 2000;

/**
 * Writes the answer, closes this side (§7.2.2), and lets the peer read it. To destroy a socket with unread input would
 * reset the connection, and the answer with it; after `LINGER_MS` it is done all the same.
 */
export function endWith(socket: Duplex, answer: string | Uint8Array): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
  // Once both sides have ended the stream destroys itself; a peer that ended first still gets the whole answer.
  socket.end(typeof answer === 'string' ? Buffer.from(answer, 'latin1') : answer);
  socket.resume();
}

/**
 * Writes an answer that another request may follow. A peer that does not take it within `LINGER_MS` is destroyed.
 * @param taken called when it has left; not when the socket has been lost
 */
export function writeAnswer(socket: Duplex, answer: Uint8Array, taken: () => void): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.write(answer, (error) => {
    clearTimeout(timer);
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
export function formatAnswer(
  { status = 200, headers = {}, body = '' }: HttpAnswer,
  hasBody: boolean,
  isLast = true,
): Uint8Array {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new RangeError(`An answer needs an HTTP status from 200 to 599, not ${status}`);
  }
  // RFC 9112 §6.3: the client reads no body behind these, whatever is announced.
  const isBodiless = status === 204 || status === 304;
  const bytes = isBodiless ? NOTHING : typeof body === 'string' ? Buffer.from(body) : body;
  const given = Object.entries(headers).filter(([name]) => !OWN_FIELDS.includes(name.toLowerCase()));
  for (const [name] of given) checkHeaderName(name);
  // RFC 9110 §7.8: whoever sends Upgrade lists it in Connection.
  const hasUpgrade = given.some(([name]) => name.toLowerCase() === 'upgrade');
  const persistence = isLast ? 'close' : 'keep-alive';
  const own = {
    ...(isBodiless ? {} : { 'Content-Length': bytes.length }),
    Connection: hasUpgrade ? `${persistence}, Upgrade` : persistence,
  };
  const fields = [...given, ...Object.entries(own)].flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}`),
  );
  const head = formatHead([`HTTP/1.1 ${status} ${reasonPhrase(status)}`, ...fields]);
  return Buffer.concat([Buffer.from(head, 'latin1'), hasBody ? bytes : NOTHING]);
}
