/**
 * Decrypts recorded TLS connections (RFC 5246, RFC 8446) with the secrets of a key log, as browsers and curl write it where
 * SSLKEYLOGFILE says. The ciphers come from outside: what is here is records, handshakes and which key is whose.
 */

import { concat, uint16 } from '../bytes.ts';
import type { End } from './tcp.ts';

export type AeadName = 'aes-128-gcm' | 'aes-256-gcm' | 'aes-128-ccm' | 'aes-256-ccm' | 'chacha20-poly1305';
export type HashName = 'sha256' | 'sha384';

/** What they return is nobody else's, and a plain Uint8Array. */
export interface TlsCrypto {
  hmac(hash: HashName, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** @returns undefined when the tag, the last bytes, does not fit */
  decrypt(
    cipher: AeadName,
    key: Uint8Array,
    nonce: Uint8Array,
    extra: Uint8Array,
    sealed: Uint8Array,
    tagBytes: number,
  ): Uint8Array | undefined;
}

/** The lines of key logs: by label, and the client's random bytes in hex. */
export class TlsSecrets {
  readonly #secrets = new Map<string, Uint8Array>();

  get size(): number {
    return this.#secrets.size;
  }

  add(text: string): void {
    for (const [, label, random, secret] of text.matchAll(/^([A-Z0-9_]+) ([\da-fA-F]{64}) ([\da-fA-F]{2,256})\s*$/gm)) {
      this.#secrets.set(`${label} ${random!.toLowerCase()}`, bytesOfHex(secret!));
    }
  }

  get(label: string, random: string): Uint8Array | undefined {
    return this.#secrets.get(`${label} ${random}`);
  }
}

interface Suite {
  readonly cipher: AeadName;
  readonly hash: HashName;
  readonly keyBytes: number;
  readonly tagBytes: number;
}

const AES_128_GCM: Suite = { cipher: 'aes-128-gcm', hash: 'sha256', keyBytes: 16, tagBytes: 16 };
const AES_256_GCM: Suite = { cipher: 'aes-256-gcm', hash: 'sha384', keyBytes: 32, tagBytes: 16 };
const CHACHA: Suite = { cipher: 'chacha20-poly1305', hash: 'sha256', keyBytes: 32, tagBytes: 16 };
const AES_128_CCM: Suite = { cipher: 'aes-128-ccm', hash: 'sha256', keyBytes: 16, tagBytes: 16 };
const AES_256_CCM: Suite = { cipher: 'aes-256-ccm', hash: 'sha256', keyBytes: 32, tagBytes: 16 };
const short = (suite: Suite): Suite => ({ ...suite, tagBytes: 8 });

const SUITES: Readonly<Record<number, Suite>> = {
  4865: AES_128_GCM,
  4866: AES_256_GCM,
  4867: CHACHA,
  4868: AES_128_CCM,
  4869: short(AES_128_CCM),
  156: AES_128_GCM,
  157: AES_256_GCM,
  158: AES_128_GCM,
  159: AES_256_GCM,
  49195: AES_128_GCM,
  49196: AES_256_GCM,
  49199: AES_128_GCM,
  49200: AES_256_GCM,
  49308: AES_128_CCM,
  49309: AES_256_CCM,
  49310: AES_128_CCM,
  49311: AES_256_CCM,
  49312: short(AES_128_CCM),
  49313: short(AES_256_CCM),
  49314: short(AES_128_CCM),
  49315: short(AES_256_CCM),
  49324: AES_128_CCM,
  49325: AES_256_CCM,
  49326: short(AES_128_CCM),
  49327: short(AES_256_CCM),
  52392: CHACHA,
  52393: CHACHA,
  52394: CHACHA,
};

const RECORD = { changeCipherSpec: 20, alert: 21, handshake: 22, data: 23 };
const HANDSHAKE = { clientHello: 1, serverHello: 2, finished: 20, keyUpdate: 24 };
const EXTENSION_VERSIONS = 43;
const TLS_1_3 = 0x0304;
/** RFC 8446 §4.1.3: a ServerHello with these random bytes asks for another ClientHello. */
const RETRY_RANDOM = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c';
const MAX_RECORD_BYTES = 16_384 + 2048;
const MAX_HANDSHAKE_BYTES = 256 * 1024;

const NONE = new Uint8Array(0);

interface Keys {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  sequence: number;
}

interface Side {
  held: Uint8Array;
  /** Handshake messages that have not all come. */
  handshake: Uint8Array;
  /** Undefined while records are not encrypted. */
  keys: Keys | undefined;
  /** TLS 1.3: what the keys are made of. */
  secret: Uint8Array | undefined;
  isAppData: boolean;
}

export interface TlsHandler {
  onBytes(from: End, bytes: Uint8Array, atMs: number | undefined): void;
  /** Nothing more comes out. */
  onFault(message: string): void;
}

/** What decrypts the TLS connections of a capture: ciphers, and the secrets that are known so far. */
export class TlsDecryption {
  readonly #crypto: TlsCrypto;
  readonly #secrets: TlsSecrets;

  constructor(crypto: TlsCrypto, secrets: TlsSecrets = new TlsSecrets()) {
    this.#crypto = crypto;
    this.#secrets = secrets;
  }

  /** Takes lines of a key log. */
  learn(keyLog: string): void {
    this.#secrets.add(keyLog);
  }

  open(client: End, handler: TlsHandler): TlsReader {
    return new TlsReader(client, this.#crypto, this.#secrets, handler);
  }
}

/** Whether the bytes begin with a TLS record. */
export function beginsWithTls(bytes: Uint8Array): boolean {
  const [type = 0, major, minor = 9] = bytes;
  return type >= RECORD.changeCipherSpec && type <= RECORD.data && major === 3 && minor <= 4;
}

class TlsReader {
  readonly #client: End;
  readonly #crypto: TlsCrypto;
  readonly #secrets: TlsSecrets;
  readonly #handler: TlsHandler;
  readonly #sides: readonly [Side, Side];
  #clientRandom = '';
  #serverRandom: Uint8Array = NONE;
  #suite: Suite | undefined;
  #isTls13 = false;
  #hasFailed = false;

  constructor(client: End, crypto: TlsCrypto, secrets: TlsSecrets, handler: TlsHandler) {
    this.#client = client;
    this.#crypto = crypto;
    this.#secrets = secrets;
    this.#handler = handler;
    this.#sides = [newSide(), newSide()];
  }

  push(from: End, bytes: Uint8Array, atMs: number | undefined): void {
    if (this.#hasFailed) return;
    const side = this.#sides[from];
    let rest = concat([side.held, bytes]);
    while (rest.length >= 5 && !this.#hasFailed) {
      const length = (rest[3]! << 8) | rest[4]!;
      if (!beginsWithTls(rest) || length > MAX_RECORD_BYTES) {
        this.#fail('something in it is no TLS record');
        return;
      }
      if (rest.length < 5 + length) break;
      this.#record(from, side, rest.subarray(0, 5), rest.subarray(5, 5 + length), atMs);
      rest = rest.subarray(5 + length);
    }
    side.held = rest.slice();
  }

  #record(from: End, side: Side, header: Uint8Array, body: Uint8Array, atMs: number | undefined): void {
    let type = header[0]!;
    let content: Uint8Array | undefined = body;
    if (type === RECORD.changeCipherSpec) {
      if (!this.#isTls13) this.#takeKeys12(from, side);
      return;
    }
    if (side.keys !== undefined && (type === RECORD.data || !this.#isTls13)) {
      content = this.#isTls13 ? this.#open13(side.keys, header, body) : this.#open12(side.keys, header, body);
      if (content === undefined) {
        // Early data has keys of its own, and a server may pass it over.
        if (this.#isTls13 && side.keys.sequence === 0 && from === this.#client && !side.isAppData) return;
        this.#fail('the keys do not fit');
        return;
      }
      side.keys.sequence++;
      if (this.#isTls13) {
        let end = content.length;
        while (end > 0 && content[end - 1] === 0) end--;
        type = content[end - 1] ?? 0;
        content = content.subarray(0, Math.max(0, end - 1));
      }
    } else if (type === RECORD.data) {
      if (this.#clientRandom === '') this.#fail('its handshake is not in the capture');
      return;
    }
    if (type === RECORD.handshake) this.#handshake(from, side, content);
    else if (type === RECORD.data && content.length > 0) this.#handler.onBytes(from, content, atMs);
  }

  #handshake(from: End, side: Side, content: Uint8Array): void {
    side.handshake = concat([side.handshake, content]);
    for (;;) {
      const { handshake } = side;
      if (handshake.length < 4) return;
      const length = (handshake[1]! << 16) | (handshake[2]! << 8) | handshake[3]!;
      if (length > MAX_HANDSHAKE_BYTES) {
        this.#fail('a handshake message is too long');
        return;
      }
      if (handshake.length < 4 + length) return;
      side.handshake = handshake.slice(4 + length);
      this.#message(from, side, handshake[0]!, handshake.subarray(4, 4 + length));
      if (this.#hasFailed) return;
    }
  }

  #message(from: End, side: Side, type: number, body: Uint8Array): void {
    if (type === HANDSHAKE.clientHello && side.keys === undefined) {
      this.#clientRandom = hexOf(body.subarray(2, 34));
    } else if (type === HANDSHAKE.serverHello && side.keys === undefined) {
      this.#serverHello(body);
    } else if (this.#isTls13 && type === HANDSHAKE.finished) {
      side.isAppData = true;
      this.#takeSecret(side, this.#secretOf(from, 'TRAFFIC_SECRET_0'));
    } else if (this.#isTls13 && type === HANDSHAKE.keyUpdate && side.secret !== undefined) {
      this.#takeSecret(side, this.#expand(side.secret, 'traffic upd', side.secret.length));
    }
  }

  #serverHello(body: Uint8Array): void {
    this.#serverRandom = body.slice(2, 34);
    if (hexOf(this.#serverRandom) === RETRY_RANDOM) return;
    const sessionIdLength = body[34] ?? 0;
    let at = 35 + sessionIdLength;
    const suite = uint16(body, at);
    this.#isTls13 = false;
    const extensionsEnd = at + 5 + uint16(body, at + 3);
    for (at += 5; at + 4 <= Math.min(extensionsEnd, body.length); at += 4 + uint16(body, at + 2)) {
      if (uint16(body, at) === EXTENSION_VERSIONS) this.#isTls13 = uint16(body, at + 4) === TLS_1_3;
    }
    this.#suite = SUITES[suite];
    if (this.#suite === undefined) {
      this.#fail(`its cipher suite, 0x${suite.toString(16).padStart(4, '0')}, is not read here`);
      return;
    }
    if (!this.#isTls13) return;
    for (const from of [0, 1] as const) {
      const secret = this.#secretOf(from, 'HANDSHAKE_TRAFFIC_SECRET');
      if (secret === undefined) return;
      this.#takeSecret(this.#sides[from], secret);
    }
  }

  #secretOf(from: End, label: string): Uint8Array | undefined {
    const name = `${from === this.#client ? 'CLIENT' : 'SERVER'}_${label}`;
    const secret = this.#secrets.get(name, this.#clientRandom);
    if (secret === undefined) this.#failForKeys();
    return secret;
  }

  #failForKeys(): void {
    this.#fail(this.#secrets.size === 0 ? 'there is no key log' : 'the key log has no keys for it');
  }

  /** RFC 8446 §7.3 */
  #takeSecret(side: Side, secret: Uint8Array | undefined): void {
    if (secret === undefined) return;
    side.secret = secret;
    const key = this.#expand(secret, 'key', this.#suite!.keyBytes);
    side.keys = { key, iv: this.#expand(secret, 'iv', 12), sequence: 0 };
  }

  /** RFC 8446 §7.1: HKDF-Expand-Label without a context. */
  #expand(secret: Uint8Array, label: string, length: number): Uint8Array {
    const name = asciiBytes(`tls13 ${label}`);
    const info = Uint8Array.of(length >>> 8, length & 0xff, name.length, ...name, 0);
    const { hash } = this.#suite!;
    let block = NONE as Uint8Array;
    let output = NONE as Uint8Array;
    for (let i = 1; output.length < length; i++) {
      block = this.#crypto.hmac(hash, secret, Uint8Array.of(...block, ...info, i));
      output = concat([output, block]);
    }
    return output.slice(0, length);
  }

  /** RFC 8446 §5.2 */
  #open13({ key, iv, sequence }: Keys, header: Uint8Array, body: Uint8Array): Uint8Array | undefined {
    const { cipher, tagBytes } = this.#suite!;
    return this.#crypto.decrypt(cipher, key, xorSequence(iv, sequence), header, body, tagBytes);
  }

  /** RFC 5246 §6.3: the keys of both sides, out of the master secret. */
  #takeKeys12(from: End, side: Side): void {
    const suite = this.#suite;
    if (suite === undefined) {
      this.#fail('its handshake is not in the capture');
      return;
    }
    const master = this.#secrets.get('CLIENT_RANDOM', this.#clientRandom);
    if (master === undefined) {
      this.#failForKeys();
      return;
    }
    const ivBytes = suite.cipher === 'chacha20-poly1305' ? 12 : 4;
    const seed = Uint8Array.of(
      ...asciiBytes('key expansion'),
      ...this.#serverRandom,
      ...bytesOfHex(this.#clientRandom),
    );
    const block = this.#expand12(suite.hash, master, seed, 2 * (suite.keyBytes + ivBytes));
    const isClient = from === this.#client;
    const keyAt = isClient ? 0 : suite.keyBytes;
    const ivAt = 2 * suite.keyBytes + (isClient ? 0 : ivBytes);
    side.keys = {
      key: block.slice(keyAt, keyAt + suite.keyBytes),
      iv: block.slice(ivAt, ivAt + ivBytes),
      sequence: 0,
    };
  }

  /** RFC 5246 §5: P_hash. */
  #expand12(hash: HashName, secret: Uint8Array, seed: Uint8Array, length: number): Uint8Array {
    let a = seed;
    let output = NONE as Uint8Array;
    while (output.length < length) {
      a = this.#crypto.hmac(hash, secret, a);
      output = concat([output, this.#crypto.hmac(hash, secret, Uint8Array.of(...a, ...seed))]);
    }
    return output;
  }

  /** RFC 5288, RFC 7905: GCM and CCM carry eight bytes of the nonce; ChaCha20 counts. */
  #open12({ key, iv, sequence }: Keys, header: Uint8Array, body: Uint8Array): Uint8Array | undefined {
    const { cipher, tagBytes } = this.#suite!;
    const isExplicit = iv.length === 4;
    const sealed = isExplicit ? body.subarray(8) : body;
    const length = sealed.length - tagBytes;
    if (length < 0) return undefined;
    const nonce = isExplicit ? concat([iv, body.subarray(0, 8)]) : xorSequence(iv, sequence);
    const extra = new Uint8Array(13);
    new DataView(extra.buffer).setBigUint64(0, BigInt(sequence));
    extra.set(header.subarray(0, 3), 8);
    extra.set([length >>> 8, length & 0xff], 11);
    return this.#crypto.decrypt(cipher, key, nonce, extra, sealed, tagBytes);
  }

  #fail(message: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#handler.onFault(message);
  }
}

function newSide(): Side {
  return { held: NONE, handshake: NONE, keys: undefined, secret: undefined, isAppData: false };
}

function xorSequence(iv: Uint8Array, sequence: number): Uint8Array {
  const nonce = iv.slice();
  let rest = sequence;
  for (let i = nonce.length - 1; rest > 0; i--, rest = Math.floor(rest / 256)) nonce[i]! ^= rest % 256;
  return nonce;
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length >> 1 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}
