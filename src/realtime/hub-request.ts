/** What a hub's hooks are given of a request. */

import type { AuthenticationRequest } from '../admission/authenticate.ts';

/** A request as hooks get it, of whichever server. */
export interface HubRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What `authenticate` is given again with a new token. */
export type FirstAsked = Pick<AuthenticationRequest<HubRequest>, 'request' | 'address'>;
