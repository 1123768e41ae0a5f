/**
 * Close status codes (§7.4): what each means and which of them may stand in a Close frame.
 * The one place that answers "is this code allowed on the wire?", for sending and for receiving.
 */

export interface CloseCodeFact {
  readonly code: number;
  readonly name: string;
  /** May an endpoint put it into a Close frame (§7.4.1)? */
  readonly maySend: boolean;
  readonly meaning: string;
}

/** Named codes, where application code and ours need them. */
export const CloseCode = {
  NormalClosure: 1000,
  GoingAway: 1001,
  ProtocolError: 1002,
  UnsupportedData: 1003,
  NoStatusReceived: 1005,
  AbnormalClosure: 1006,
  InvalidPayloadData: 1007,
  PolicyViolation: 1008,
  MessageTooBig: 1009,
  InternalError: 1011,
  TryAgainLater: 1013,
} as const;

/** §7.4.1 and the IANA registry it opens (1012–1014 were registered later). */
export const CLOSE_CODES: readonly CloseCodeFact[] = [
  { code: 1000, name: 'Normal Closure', maySend: true, meaning: 'the purpose of the connection is fulfilled' },
  { code: 1001, name: 'Going Away', maySend: true, meaning: 'a server shuts down or a page is left' },
  { code: 1002, name: 'Protocol error', maySend: true, meaning: 'the peer broke a rule of the protocol' },
  { code: 1003, name: 'Unsupported Data', maySend: true, meaning: 'a type of data that this endpoint cannot take' },
  { code: 1004, name: 'Reserved', maySend: false, meaning: 'has no meaning yet' },
  { code: 1005, name: 'No Status Rcvd', maySend: false, meaning: 'local only: the Close frame held no code' },
  { code: 1006, name: 'Abnormal Closure', maySend: false, meaning: 'local only: no Close frame was received' },
  { code: 1007, name: 'Invalid frame payload data', maySend: true, meaning: 'data unlike its type, such as bad UTF-8' },
  { code: 1008, name: 'Policy Violation', maySend: true, meaning: 'a message against a policy of this endpoint' },
  { code: 1009, name: 'Message Too Big', maySend: true, meaning: 'a message too long to process' },
  { code: 1010, name: 'Mandatory Ext.', maySend: true, meaning: 'client only: the server lacks an extension' },
  { code: 1011, name: 'Internal Error', maySend: true, meaning: 'an unexpected condition at the sender' },
  { code: 1012, name: 'Service Restart', maySend: true, meaning: 'the service restarts: reconnect later' },
  { code: 1013, name: 'Try Again Later', maySend: true, meaning: 'the service is overloaded' },
  { code: 1014, name: 'Bad Gateway', maySend: true, meaning: 'a gateway got a bad answer from upstream' },
  { code: 1015, name: 'TLS handshake', maySend: false, meaning: 'local only: the TLS handshake failed' },
];

const FACT_BY_CODE = new Map(CLOSE_CODES.map((fact) => [fact.code, fact]));

/**
 * §7.4.2: 1000–2999 belong to the protocol, of which only registered codes may be sent; 3000–3999 to registered
 * libraries; 4000–4999 to private use. Everything else, local-only codes included, never stands on the wire.
 */
export function isSendableCloseCode(code: number): boolean {
  if (code >= 3000 && code <= 4999) return Number.isInteger(code);
  return FACT_BY_CODE.get(code)?.maySend === true;
}

/** A short name for any close code, for people. */
export function closeCodeName(code: number): string {
  const fact = FACT_BY_CODE.get(code);
  if (fact !== undefined) return fact.name;
  if (code >= 3000 && code <= 3999) return 'Registered use';
  if (code >= 4000 && code <= 4999) return 'Private use';
  return 'Invalid code';
}
