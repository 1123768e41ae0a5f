/** The opening handshake (§4, §9.1): the public parts of this folder. */

export * from './client-handshake.ts';
export { fieldsOfLines, formatHead, type HeaderField, reasonPhrase } from './head-writer.ts';
export {
  checkHeaderName,
  type Extension,
  type ExtensionParam,
  formatExtensions,
  isToken,
  listHasToken,
  parseExtensions,
  parseSubprotocols,
} from './header-fields.ts';
export { HeaderMap } from './header-map.ts';
export {
  type HeadByKind,
  type HeadFailure,
  HttpHeadParser,
  type HttpHeadParserOptions,
  type ParsedHead,
  type RequestHead,
  type ResponseHead,
} from './http-head.ts';
export { announcesBody, namesOneHost, parseTarget } from './http-request.ts';
export { acceptValue, encodeBase64, GUID, generateKey } from './key.ts';
export * from './server-handshake.ts';
export { sha1 } from './sha1.ts';
