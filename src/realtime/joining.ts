/** What clients ask about channels: join, leave, publish. */

import type { Published } from '../engines/engine.ts';
import type { Position } from '../realtime-protocol/position.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { isThenable } from '../socket/emitter.ts';
import { type Channel, isUnavailable, type Start } from './channel.ts';
import type { Core, Place } from './core.ts';
import { inTime } from './deadline.ts';
import { Membership } from './membership.ts';
import { isRealtimeError } from './reply.ts';
import type { HubUser, RuleContext } from './rules.ts';
import type { Handlers, Session } from './session.ts';
import { toJson, validate } from './validate.ts';

export function channelHandlers(core: Core): Pick<Handlers, 'join' | 'leave' | 'publish'> {
  return {
    join: (session, message) =>
      answered(core, session, message, (place) =>
        session.inLane(place.name, () => guarded(core, session, message.id, () => join(core, session, place, message))),
      ),
    leave: (session, message) =>
      answered(core, session, message, (place) =>
        session.inLane(place.name, async () => {
          const channel = core.channels.get(place.name);
          if (channel !== undefined) session.leave(channel);
          session.answer(message.id);
        }),
      ),
    publish: (session, message) => answered(core, session, message, (place) => publish(core, session, place, message)),
  };
}

type Request<Type extends keyof Handlers> = Parameters<Handlers[Type]>[1];

/** Understands the channel's name, or says that it is none. */
function answered(
  core: Core,
  session: Session,
  { id, channel }: { readonly id: number; readonly channel: string },
  action: (place: Place) => Promise<void>,
): Promise<void> | undefined {
  let place: Place;
  try {
    place = core.find(channel);
  } catch (error) {
    session.answerError(id, error);
    return undefined;
  }
  return action(place);
}

/** Answers with what is thrown, and reports what the client did not cause. */
async function guarded(core: Core, session: Session, id: number, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!isRealtimeError(error)) core.report(error, 'a channel');
    if (!session.hasEnded) session.answerError(id, error);
  }
}

// ---- Joining --------------------------------------------------------------------------------------------------------

async function join(core: Core, session: Session, place: Place, request: Request<'join'>): Promise<void> {
  const { epoch, offset, last } = request;
  if ((epoch === undefined) !== (offset === undefined)) {
    throw new RealtimeError('INVALID', "'epoch' and 'offset' of 'join' stand together: a position has both");
  }
  const data = await admit(core, session, place);
  if (session.hasEnded) return;
  const known = core.channels.get(place.name);
  if (known === undefined || !session.memberships.has(known)) {
    if (session.memberships.size + session.opening >= core.settings.maxChannels) {
      throw new RealtimeError('TOO_MANY', `A connection may be in ${core.settings.maxChannels} channels`);
    }
  }
  const after = epoch === undefined || offset === undefined ? undefined : { epoch, offset };
  await begin(core, session, place, { after, last }, data, (channel, member, position, isGap) => {
    session.tell({ type: 'joined', id: request.id, channel: place.name, ...position });
    if (isGap) session.tell({ type: 'gap', channel: place.name, ...position });
    if (request.members === true && place.kind.definition.member !== undefined) channel.watch(member);
  });
}

/** Whether a user may read a channel. @throws {RealtimeError} if not */
export async function checkMayJoin(core: Core, user: HubUser, place: Place): Promise<void> {
  const { rules } = place.kind;
  await allow(
    core,
    place,
    'join',
    rules?.join && (() => rules.join!({ user, params: place.params, channel: place.name })),
  );
}

/** Has a session follow a channel, of which no member is told. The rules are not asked. */
export function follow(
  core: Core,
  session: Session,
  place: Place,
  start: Start,
  joined: (position: Position | undefined, isGap: boolean) => void,
): Promise<void> {
  return begin(core, session, place, start, undefined, (_channel, _member, position, isGap) => joined(position, isGap));
}

/** @param joined called unless the session has ended, before it is sent anything */
async function begin(
  core: Core,
  session: Session,
  place: Place,
  start: Start,
  data: string | undefined,
  joined: (channel: Channel, member: Membership, position: Position | undefined, isGap: boolean) => void,
): Promise<void> {
  const channel = core.channelAt(place);
  const member = new Membership(session.outlet, session.user.id);
  let isThere = false;
  session.opening += 1;
  channel.retain();
  try {
    await channel.opened;
    await channel.begin(member, start, (position, isGap) => {
      if (session.hasEnded) channel.end(member);
      else {
        isThere = true;
        takePlace(session, channel, member, data);
        joined(channel, member, position, isGap);
      }
    });
  } finally {
    session.opening -= 1;
    if (!isThere) channel.release();
  }
}

/**
 * Asks the rules.
 * @returns what members are told of the user, as JSON text, if anything
 * @throws when it is not allowed: then a membership that there was is over
 */
async function admit(core: Core, session: Session, place: Place): Promise<string | undefined> {
  const { rules, definition } = place.kind;
  const context = contextOf(session, place);
  try {
    await allow(core, place, 'join', rules?.join && (() => rules.join!(context)));
  } catch (error) {
    const channel = core.channels.get(place.name);
    if (channel !== undefined && session.leave(channel)) {
      const { code, message } = error as RealtimeError;
      session.tell({ type: 'left', channel: place.name, code, message });
    }
    throw error;
  }
  if (rules?.member === undefined || definition.member === undefined) return undefined;
  const what = `The member of '${place.name}'`;
  try {
    const given = await inTime(
      rules.member(context),
      core.settings.callTimeoutMs,
      `The member rule of '${place.name}'`,
    );
    return toJson(await validate(definition.member, given, what), what);
  } catch (error) {
    core.report(error, `the member rule of '${place.kind.pattern.pattern}'`);
    throw new RealtimeError('INTERNAL', 'The server has failed');
  }
}

function contextOf(session: Session, { name, params }: Place): RuleContext<Session['user'], unknown> {
  return { user: session.user, params, channel: name };
}

/** A rule that allows goes through at once where it answers at once. */
function allow(
  core: Core,
  place: Place,
  what: 'join' | 'publish',
  ask: (() => boolean | Promise<boolean>) | undefined,
): void | Promise<void> {
  const words = what === 'join' ? 'join' : 'publish to';
  const decide = (answer: unknown): void => {
    if (answer !== true) throw new RealtimeError('NOT_ALLOWED', `You may not ${words} '${place.name}'`);
  };
  const deny = (error: unknown): void => {
    const isTold = isRealtimeError(error);
    if (!isTold || error.code === 'TIMEOUT') core.report(error, `the ${what} rule of '${place.kind.pattern.pattern}'`);
    if (isTold) throw error;
    decide(false);
  };
  let answer: unknown = false;
  try {
    if (ask === undefined) {
      const { pattern } = place.kind.pattern;
      core.hint(
        `${what} ${pattern}`,
        `A client may not ${words} '${pattern}': hub.channel('${pattern}', …) has been given no rule '${what}'`,
      );
    } else {
      answer = inTime(ask(), core.settings.callTimeoutMs, `The ${what} rule of '${place.name}'`);
    }
  } catch (error) {
    deny(error);
  }
  return isThenable(answer) ? Promise.resolve(answer).then(decide, deny) : decide(answer);
}

/** The new membership stands where the old one stood, if there was one. */
function takePlace(session: Session, channel: Channel, member: Membership, data: string | undefined): void {
  const old = session.memberships.get(channel);
  session.memberships.set(channel, member);
  if (old !== undefined) channel.end(old);
  if (data !== undefined) {
    if (old?.isPresent === true && old.user === member.user) channel.renew(member.user, data);
    else channel.enter(member.user, data);
    member.isPresent = true;
  }
  if (old?.isPresent === true && (data === undefined || old.user !== member.user)) channel.exit(old.user, false);
  if (old !== undefined) channel.release();
}

// ---- Publishing -----------------------------------------------------------------------------------------------------

async function publish(core: Core, session: Session, place: Place, request: Request<'publish'>): Promise<void> {
  const { id, channel, key } = request;
  let published: Promise<Published> | undefined;
  // The next one may go when the engine has been given this one.
  await session.inLane(channel, () =>
    guarded(core, session, id, async () => {
      const { rules } = place.kind;
      if (rules?.publish === undefined) await allow(core, place, 'publish', undefined);
      const checked = core.checkMessage(place, request.data);
      const data = isThenable(checked) ? await checked : checked;
      const allowed = allow(core, place, 'publish', () => rules!.publish!({ ...contextOf(session, place), data }));
      if (isThenable(allowed)) await allowed;
      published = core.append(place, data, key === undefined ? undefined : core.scopedKey(session, key));
      published.catch(() => {});
    }),
  );
  if (published === undefined) return;
  try {
    const { position } = await published;
    if (!session.hasEnded) session.answer(id, position);
  } catch (error) {
    if (!isUnavailable(error)) core.report(error, `the publication to '${channel}'`);
    if (!session.hasEnded) session.answerError(id, error);
  }
}
