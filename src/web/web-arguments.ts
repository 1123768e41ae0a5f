/**
 * What the WebSockets Standard asks of its arguments: subprotocols (§4.1), and the status code and reason of a Close frame
 * (§5.5.1), with the error that carries these.
 */

import { Buffer } from 'node:buffer';
import { isToken } from '../handshake/index.ts';
import { CloseCode, MAX_CLOSE_REASON_BYTES } from '../protocol/index.ts';
import { defineInterface, toDictionary, toDomString, toEnforcedUnsignedShort, toUsvString } from './web-idl.ts';

export interface WebSocketCloseInfo {
  /** 1000, or 3000–4999. */
  readonly closeCode?: number | undefined;
  /** At most 123 bytes of UTF-8. */
  readonly reason?: string | undefined;
}

/** What a Close frame is going to hold; no code, no body. */
interface CloseArguments {
  readonly code: number | undefined;
  readonly reason: string;
}

/** @throws {DOMException} SyntaxError when one is no token, or stands there twice, in whatever case */
export function checkSubprotocols(subprotocols: readonly string[]): void {
  for (const [index, name] of subprotocols.entries()) {
    if (!isToken(name)) throw new DOMException(`No valid subprotocol: ${JSON.stringify(name)}`, 'SyntaxError');
    if (subprotocols.findIndex((other) => other.toLowerCase() === name.toLowerCase()) < index) {
      throw new DOMException(`The subprotocol ${name} is asked for twice`, 'SyntaxError');
    }
  }
}

/**
 * A reason without a code goes with 1000.
 * @throws {DOMException} InvalidAccessError when the code is neither 1000 nor one of 3000–4999, SyntaxError when the reason
 *   is too long
 */
export function checkCloseArguments(code: number | undefined, reason: string): CloseArguments {
  if (code !== undefined && code !== CloseCode.NormalClosure && !(code >= 3000 && code <= 4999)) {
    throw new DOMException(`The close code must be 1000, or from 3000 to 4999; got ${code}`, 'InvalidAccessError');
  }
  const lengthBytes = Buffer.byteLength(reason);
  if (lengthBytes > MAX_CLOSE_REASON_BYTES) {
    throw new DOMException(
      `The close reason must not be longer than ${MAX_CLOSE_REASON_BYTES} bytes of UTF-8; it has ${lengthBytes}`,
      'SyntaxError',
    );
  }
  return { code: code ?? (reason === '' ? undefined : CloseCode.NormalClosure), reason };
}

/**
 * As `checkCloseArguments`, from a `WebSocketCloseInfo`.
 * @throws {TypeError} when it is no object, or its members have the wrong type
 */
export function closeArgumentsOf(info: unknown, name: string): CloseArguments {
  const { closeCode, reason } = toDictionary(info, name);
  return checkCloseArguments(
    closeCode === undefined ? undefined : toEnforcedUnsignedShort(closeCode, 'closeCode'),
    reason === undefined ? '' : toUsvString(reason),
  );
}

/** Gives an error what no program could give it: the code that ended a connection, be it a forbidden one. */
let setCloseInfo: (error: WebSocketError, closeCode: number, reason: string) => void;

/** How a WebSocketStream ended, or is to end when its streams are cancelled or aborted with one. */
export class WebSocketError extends DOMException {
  #closeCode: number | null;
  #reason: string;

  static {
    setCloseInfo = (error, closeCode, reason) => {
      error.#closeCode = closeCode;
      error.#reason = reason;
    };
  }

  /**
   * @param init the code and the reason of a Close frame; a reason alone goes with 1000
   * @throws {DOMException} InvalidAccessError for other codes than 1000 and 3000–4999, SyntaxError for a reason of more than
   *   123 bytes
   * @throws {TypeError} when `init` is no object, or its members have the wrong type
   */
  constructor(message = '', init: WebSocketCloseInfo = {}) {
    const { code, reason } = closeArgumentsOf(init, 'init');
    super(toDomString(message), 'WebSocketError');
    // Some versions of Node make a plain DOMException whatever is being constructed.
    Object.setPrototypeOf(this, new.target.prototype);
    this.#closeCode = code ?? null;
    this.#reason = reason;
  }

  /** Null when there is none. */
  get closeCode(): number | null {
    return this.#closeCode;
  }

  /** '' when there is none. */
  get reason(): string {
    return this.#reason;
  }
}

defineInterface('WebSocketError', WebSocketError);

/** The error that a connection ended with. @param cause what says more about it, in Node's terms */
export function closeError(message: string, closeCode: number, reason: string, cause?: unknown): WebSocketError {
  const error = new WebSocketError(message);
  setCloseInfo(error, closeCode, reason);
  if (cause !== undefined) Object.defineProperty(error, 'cause', { value: cause, configurable: true, writable: true });
  return error;
}
