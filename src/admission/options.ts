/** The options by which servers let clients in, at both servers under one name. */

import type { Authenticate } from './authenticate.ts';
import type { Authorize } from './authorize.ts';
import type { Origins } from './origins.ts';
import type { TokenOptions } from './tokens.ts';

export interface AdmissionOptions<Request, User = unknown> {
  /**
   * The origin, or the origins, from which browsers may connect, or a function that decides; others get 403 (§10.2).
   * 'same-origin' stands for the server's own: the Origin has to name the host and port that Host names, and https where
   * this server speaks TLS. Default: all, which is right only where cookies and the network grant nothing.
   */
  origins?: Origins | undefined;
  /**
   * Refuse requests without Origin with 403, too: no browser sends such, but programs do. Default false: a list lets them
   * in, a function decides.
   */
  requiresOrigin?: boolean | undefined;
  /**
   * Asked about each good request before it is accepted, with all that HTTP and TLS tell (§10.5): true lets it in, false is answered with 403, and an object in its
   * own words. What it throws is answered with 500.
   */
  authorize?: Authorize<Request> | undefined;
  /**
   * Asked about each good request, in place of `authorize`, who it is: it is given the token and returns the user, an
   * object that becomes `socket.user`, or calls `refuse`. What it throws, or returns otherwise, is answered with 500; after
   * `handshakeTimeoutMs`, 503 is. A user with `expires`, in milliseconds since 1970, is closed with 4401 then.
   */
  authenticate?: Authenticate<Request, User> | undefined;
  /** Where `authenticate` finds its token. Default: `Authorization: Bearer …` only. */
  tokens?: TokenOptions | undefined;
  /**
   * How many proxies of yours stand in front of the server. The client's address is taken from what they add at the right
   * of X-Forwarded-For or Forwarded; for 'same-origin', scheme and host are. Default 0: nothing in them is believed.
   */
  trustProxy?: number | undefined;
  /**
   * Connections that there may be at once, counted from the moment in which a request is looked at. One more gets 503.
   * Default: no limit.
   */
  maxConnections?: number | undefined;
  /**
   * The same for each address, which is a /64 of IPv6; one more gets 429. Requests without an address, from a unix socket,
   * are not counted here. Default: no limit.
   */
  maxConnectionsPerAddress?: number | undefined;
}

/**
 * A socket whose server knows who it is; any, where there is no `authenticate`. As a mapped type, so that a server that knows
 * its users is a server as well.
 */
export type Authenticated<Socket, User> = Socket & { [Name in KnownBy<User>]-?: User };
type KnownBy<User> = unknown extends User ? never : 'user';
