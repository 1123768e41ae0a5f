/** The ciphers of recorded TLS connections, from node:crypto. */

import { createDecipheriv, createHmac } from 'node:crypto';
import type { TlsCrypto } from '../../inspector/capture/index.ts';

export const nodeTlsCrypto: TlsCrypto = {
  hmac: (hash, key, data) => new Uint8Array(createHmac(hash, key).update(data).digest()),
  decrypt(cipher, key, nonce, extra, sealed, tagBytes) {
    const length = sealed.length - tagBytes;
    if (length < 0) return undefined;
    try {
      // Node's types have a signature for each kind of cipher; at run time they are one.
      const decipher = createDecipheriv(cipher as 'chacha20-poly1305', key, nonce, { authTagLength: tagBytes });
      decipher.setAuthTag(sealed.subarray(length));
      decipher.setAAD(extra, { plaintextLength: length });
      const plain = decipher.update(sealed.subarray(0, length));
      decipher.final();
      return new Uint8Array(plain);
    } catch {
      return undefined;
    }
  },
};
