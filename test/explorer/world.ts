/**
 * Two Connections, a client's and a server's, with a channel between them: all that their users, their transports and the
 * network may do is a call on this world, and after each call it is checked what has to hold whatever the calls were. The
 * world is a function of its calls: the same ones lead to the same state, time included.
 */

import type { Role } from '../../src/protocol/index.ts';
import { type Bounds, DEEDS, type Deed, SETTLING } from './deeds.ts';
import { digest } from './digest.ts';
import { Side } from './side.ts';

export interface Call {
  readonly side: Role;
  readonly deed: Deed;
}

export interface Scenario extends Bounds {
  readonly name: string;
  /** What may happen on each side. */
  readonly deeds: Readonly<Record<Role, readonly Deed[]>>;
  /** Whether each message, ping and pong takes a turn of the event loop. */
  readonly takesTurns?: boolean;
}

/** Something that must not be: the calls that led to it are the proof. */
export class Breach extends Error {}

const ROLES: readonly Role[] = ['client', 'server'];

export class World {
  readonly scenario: Scenario;
  readonly client: Side;
  readonly server: Side;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.client = new Side('client', scenario.takesTurns === true);
    this.server = new Side('server', scenario.takesTurns === true);
  }

  /** What can be done now. */
  calls(): Call[] {
    return ROLES.flatMap((side) =>
      this.scenario.deeds[side].filter((deed) => this.can(side, deed)).map((deed) => ({ side, deed })),
    );
  }

  private can(role: Role, deed: Deed): boolean {
    return DEEDS[deed].can(this[role], this.peerOf(role), this.scenario);
  }

  /** @throws {Breach} when something does not hold behind it */
  apply(call: Call): void {
    this.perform(call);
    for (const role of ROLES) {
      const fault = this[role].fault(this.peerOf(role));
      if (fault !== undefined) throw new Breach(`${role}: ${fault}`);
    }
  }

  /** Does it and checks nothing, on the way to a state that has been checked. */
  perform({ side: role, deed }: Call): void {
    const side = this[role];
    try {
      DEEDS[deed].act(side, this.peerOf(role));
    } catch (error) {
      // Only handlers of messages, pings and pongs throw here, and what they throw stays inside.
      side.breach ??= `threw: ${(error as Error).message}`;
    }
    side.reaction = undefined;
    side.putsOff = false;
  }

  private peerOf(role: Role): Side {
    return role === 'client' ? this.server : this.client;
  }

  /**
   * Lets everything happen that only has to be waited for, until nothing does; then, when nobody has begun to close, lets the
   * client close, and waits again.
   * @throws {Breach} when a connection is not closed then
   */
  finish(): void {
    this.settle();
    const { client, server } = this;
    if (client.connection.state === 'open' && server.connection.state === 'open') {
      for (const { role, sentPings, heardPong } of [client, server]) {
        // §5.5.3: of pings that came together only the newest has to be answered.
        if (heardPong !== sentPings) throw new Breach(`${role}: pong ${heardPong} for ping ${sentPings}`);
      }
      this.apply({ side: 'client', deed: 'close' });
      this.settle();
    }
    for (const { role, isClosed, connection } of [client, server]) {
      if (!isClosed) throw new Breach(`${role}: never closes, and stays ${connection.state}`);
    }
    // §7.1.4: without a failure or a loss, both are closed cleanly.
    const isSound = ![client, server].some((side) => side.hasFailed || side.isLost);
    if (isSound && !(client.closeHeard && server.closeHeard)) throw new Breach('a Close frame has not come');
  }

  private settle(): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false;
      for (const side of ROLES) {
        for (const deed of SETTLING) {
          if (!this.can(side, deed)) continue;
          this.apply({ side, deed });
          isBusy = true;
        }
      }
    }
  }

  /** A number that two worlds share when whatever is done to them from here on has the same effects. */
  key(): number {
    return digest([this.client, this.server]);
  }
}
