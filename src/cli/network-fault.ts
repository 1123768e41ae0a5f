/** Why a connection could not be made, or was lost, for people: what, where, and what to do about it. */

import { printable } from '../inspector/index.ts';

type Explain = (place: string) => string;

const NO_WAY: Explain = (place) =>
  `there is no way to ${place} from here: check the address and this machine's network`;
const UNKNOWN_HOST: Explain = (place) => `the host of ${place} is unknown: check how its name is written`;

const EXPLANATIONS: Readonly<Record<string, Explain>> = {
  ECONNREFUSED: (place) => `nobody listens at ${place}: is the server running, and is that its port?`,
  ECONNRESET: (place) =>
    `${place} broke the connection off: is a WebSocket served there, and with TLS (wss:) or without (ws:)?`,
  EPIPE: (place) => `${place} broke the connection off`,
  ENOTFOUND: UNKNOWN_HOST,
  EAI_AGAIN: UNKNOWN_HOST,
  ETIMEDOUT: (place) => `${place} does not answer: check the address, and firewalls on the way`,
  EHOSTUNREACH: NO_WAY,
  ENETUNREACH: NO_WAY,
  ENOENT: (place) => `there is no unix socket ${place}: is the server running?`,
  EACCES: (place) => `this user may not connect to ${place}`,
  CERT_HAS_EXPIRED: (place) =>
    `the certificate of ${place} has expired: renew it, or take it all the same with --insecure`,
  ERR_TLS_CERT_ALTNAME_INVALID: (place) =>
    `the certificate of ${place} is for another name: give that name with --servername, or take it all the same with --insecure`,
};

/** Codes of OpenSSL for a certificate of which nobody is known who vouches for it. */
const UNTRUSTED = /SELF_SIGNED|UNABLE_TO|CERT_UNTRUSTED|CERT_SIGNATURE/;
/** The other side has answered to the beginning of TLS with something else. */
const NO_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/;
const NO_HTTP = /^HPE_/;
const WANTS_CERTIFICATE = /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE/;

export function explainNetworkFault({ code = '', message }: { code?: string; message: string }, place: string): string {
  const said = printable(message.trim());
  if (said.startsWith('The proxy ')) {
    return `${said}: check its address, and user and password in it (--proxy, or http_proxy and https_proxy in the environment)`;
  }
  const explain = EXPLANATIONS[code];
  if (explain !== undefined) return explain(place);
  if (UNTRUSTED.test(code)) {
    return `the certificate of ${place} is not trusted (${said}): name who vouches for it with --ca, or take any with --insecure`;
  }
  if (NO_TLS.test(code) || code === 'EPROTO') return `${place} does not speak TLS: is it ws: in place of wss:?`;
  if (NO_HTTP.test(code)) return `${place} does not speak HTTP (${said}): is a WebSocket served at that port?`;
  if (said === 'Server sent no subprotocol') return `${place} speaks none of the subprotocols: check --subprotocol`;
  if (WANTS_CERTIFICATE.test(code))
    return `${place} refused TLS (${said}): does it ask for a certificate (--cert and --key)?`;
  return `${place}: ${said}`;
}
