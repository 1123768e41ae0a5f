/**
 * permessage-deflate as an option: off, on, or with settings; and what becomes of a client's offers.
 */

import type { Extension } from '../handshake/index.ts';
import type { Role } from '../protocol/index.ts';
import {
  type AgreedDeflate,
  acceptOffers,
  type DeflateOptions,
  type DeflateSettings,
  type Profile,
  resolveDeflateSettings,
} from './negotiate.ts';

/**
 * Settings for a `perMessageDeflate` option; undefined when it is off.
 * @throws {TypeError | RangeError} see `resolveDeflateSettings`
 */
export function deflateSettings(
  option: boolean | DeflateOptions | null | undefined,
  role: Role,
  profile: Profile,
): DeflateSettings | undefined {
  if (!option) return undefined;
  return resolveDeflateSettings(option === true ? {} : option, role, profile);
}

/** What the 101 response says about extensions, and what the connection does; or why there is no connection. */
export type Agreement = AcceptedAgreement | { readonly ok: false; readonly message: string };

export interface AcceptedAgreement {
  readonly ok: true;
  readonly extensions: readonly Extension[];
  readonly deflate?: AgreedDeflate;
}

/** Answers a client's offers. `ok: false` only under the `ws` profile. */
export function agreeOnDeflate(offers: readonly Extension[], settings: DeflateSettings | undefined): Agreement {
  if (settings === undefined) return { ok: true, extensions: [] };
  const negotiation = acceptOffers(offers, settings);
  if (negotiation.outcome === 'refused') return { ok: false, message: negotiation.message };
  if (negotiation.outcome === 'declined') return { ok: true, extensions: [] };
  return { ok: true, extensions: [negotiation.response], deflate: { agreed: negotiation.agreed, settings } };
}
