/** The opening handshake (§4, §9.1): the public parts of this folder. */

export { encodeBase64 } from './base64.ts';
export * from './client-handshake.ts';
export { formatHead, type HeaderField, reasonPhrase } from './head-writer.ts';
export {
  checkHeaderName,
  checkHeaderValue,
  type Extension,
  type ExtensionParam,
  formatExtensions,
  HeaderSyntaxError,
  isToken,
  listHasToken,
  parseExtensions,
  parseSubprotocols,
  parseTokenList,
} from './header-fields.ts';
export { areFields, fieldEntries, HeaderMap, isPlainObject } from './header-map.ts';
export * from './http-head.ts';
export { acceptValue, GUID, generateKey, isKeyShaped } from './key.ts';
export { allowsNextRequest, checkRequest, effectiveHeaders } from './request-rules.ts';
export { parseTarget } from './request-target.ts';
export * from './server-handshake.ts';
export * from './server-response.ts';
export { sha1 } from './sha1.ts';
