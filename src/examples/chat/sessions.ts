/**
 * Who somebody is, for as long as he is signed in. A page has a JWT for some minutes, which it shows with its connection, and a
 * cookie that no script can read, for which it gets the next one.
 */

import { randomBytes } from 'node:crypto';
import express, { type Request, type Response } from 'express';
import { jwtVerify, SignJWT } from 'jose';
import { createClient } from 'redis';
import { z } from 'zod';
import { Pace } from './pace.ts';

export interface User {
  readonly id: string;
  readonly name: string;
  /** When the token ends, in milliseconds since 1970. */
  readonly expires: number;
}

const COOKIE = 'refresh';
const COOKIE_SECONDS = 30 * 24 * 3600;
const Name = z
  .string()
  .trim()
  .regex(/^[\p{L}\p{N}][\p{L}\p{M}\p{N} '._-]{0,29}$/u, "A name has 1 to 30 letters, digits, spaces and . _ - '");

/** @returns what signs the tokens, the same for all who have the same Redis */
export async function commonSecret(redis: string | undefined): Promise<string> {
  const own = randomBytes(32).toString('hex');
  if (redis === undefined) return own;
  const client = createClient({ url: redis });
  client.on('error', ({ code, message }) => console.error('Redis:', message || code));
  await client.connect();
  const kept = await client.set('framewright-chat:secret', own, { NX: true, GET: true });
  client.destroy();
  return kept ?? own;
}

/** @param accessSeconds how long a page's token is good */
export function createSessions(secret: string, accessSeconds: number) {
  const key = new TextEncoder().encode(secret);
  /** @param use a token for the one thing is none for the other */
  const sign = ({ id, name }: Pick<User, 'id' | 'name'>, use: 'access' | 'refresh', seconds: number) =>
    new SignJWT({ name })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(id)
      .setAudience(use)
      .setExpirationTime(`${seconds}s`)
      .sign(key);

  async function verify(token: string, use: 'access' | 'refresh'): Promise<User | undefined> {
    const checked = await jwtVerify(token, key, { audience: use, algorithms: ['HS256'] }).catch(() => undefined);
    if (checked === undefined) return undefined;
    const { sub, name, exp } = checked.payload;
    return { id: sub!, name: String(name), expires: exp! * 1000 };
  }

  const cookie = ({ secure }: Request) => ({ httpOnly: true, sameSite: 'strict', path: '/session', secure }) as const;
  async function begin(user: Pick<User, 'id' | 'name'>, request: Request, response: Response) {
    const refresh = await sign(user, 'refresh', COOKIE_SECONDS);
    response.cookie(COOKIE, refresh, { ...cookie(request), maxAge: COOKIE_SECONDS * 1000 });
    response.json({ id: user.id, name: user.name, token: await sign(user, 'access', accessSeconds) });
  }

  const pace = new Pace(200, 60_000, 'sign-ins');
  const routes = express.Router();
  // Whoever says a name is believed. Ask here whoever knows your users: OpenID Connect, LDAP, a table with passwords.
  routes.post('/', express.json({ limit: 1024 }), async (request, response) => {
    try {
      pace.check(request.ip ?? '');
    } catch (error) {
      return void response.status(429).json({ error: (error as Error).message });
    }
    const name = Name.safeParse(request.body?.name);
    if (!name.success) return void response.status(400).json({ error: name.error.issues[0]!.message });
    await begin({ id: name.data.normalize('NFKC').toLowerCase(), name: name.data }, request, response);
  });
  routes.post('/refresh', async (request, response) => {
    const [, token = ''] = new RegExp(`(?:^|; )${COOKIE}=([^;]*)`).exec(request.headers.cookie ?? '') ?? [];
    const user = await verify(token, 'refresh');
    if (user === undefined) return void response.status(401).json({ error: 'Sign in, please' });
    await begin(user, request, response);
  });
  routes.delete('/', (request, response) => void response.clearCookie(COOKIE, cookie(request)).sendStatus(204));
  return { routes, userOf: (token: string) => verify(token, 'access') };
}
