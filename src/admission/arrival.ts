/** A request for a WebSocket as admission looks at it, by whichever server and version of HTTP it has come. */

import type { HeaderMap } from '../handshake/index.ts';

export interface Arrival<Request = unknown> {
  /** As the server's hooks get it. */
  readonly request: Request;
  readonly headers: HeaderMap;
  /** Host, or the authority that stands in its place. */
  readonly host: string | undefined;
  /** Whether it came to this server over TLS. */
  readonly isSecure: boolean;
  /** The other end of the connection below; undefined on a unix socket. */
  readonly remoteAddress: string | undefined;
}
