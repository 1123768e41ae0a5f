/**
 * Clients that publish, and members who count what they hear: as fast as it goes with so many publications under way, or at fixed
 * rates, one after the other, whatever has been heard of those before.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Figures, PublishersLoad, RunLoad, Target, Timing } from './contract.ts';
import { Ledger } from './ledger.ts';
import { MarkReader, markOf } from './marks.ts';
import { meter } from './meter.ts';
import { LANGUAGES, type Language, openMembers, RoomClient, textFrame } from './room.ts';

/** 128 bytes as JSON, as those of servers/publisher.ts. */
const FILLER = ' All these are said in the room.'.repeat(4).slice(0, 106 - markOf(0, 0).length);
/** How long it is waited for what is under way at a rate; and at the end, when what has not come is missing. */
const [PATIENCE_MS, END_MS] = [2000, 30_000];

const messageOf = (lane: number, number: number) => `{"by":"ada","text":"${markOf(lane, number)}${FILLER}"}`;

/** A lane is a publisher in a channel: where there is one channel, each publisher has one, else each channel has one. */
class Traffic {
  readonly ledger: Ledger;
  readonly lanes: number;
  /** That members have had. */
  bytes = 0;
  /** All members have a publication of this lane. */
  heard: (lane: number) => void = () => {};
  readonly #language: Language;
  readonly #publishers: readonly RoomClient[];
  readonly #channels: number;

  constructor(language: Language, publishers: readonly RoomClient[], channels: number, members: number) {
    this.#language = language;
    this.#publishers = publishers;
    this.#channels = channels;
    this.lanes = Math.max(publishers.length, channels);
    this.ledger = new Ledger(members, this.lanes);
    for (const { connection } of publishers) {
      connection.receive = (bytes, start, end) => {
        if (bytes.toString('latin1', start, end).includes('"error"')) throw new Error('a publication was refused');
      };
    }
  }

  publish(lane: number, dueMs = performance.now()): void {
    const message = messageOf(lane, this.ledger.publish(lane, dueMs));
    const text = this.#language.publish!(channelName(lane % this.#channels), message);
    this.#publishers[lane % this.#publishers.length]!.connection.write(textFrame(text));
  }

  /** @param member of its channel, counted from 0 */
  listen({ connection }: RoomClient, member: number): void {
    const reader = new MarkReader();
    const found = (lane: number, number: number) => {
      const isCompleted = this.ledger.hear(member, lane, number, performance.now());
      if (isCompleted) this.heard(lane);
    };
    connection.receive = (bytes, start, end) => {
      this.bytes += end - start;
      reader.take(bytes, start, end, found);
    };
  }

  /** @returns whether all members have everything */
  async settle(patienceMs = PATIENCE_MS): Promise<boolean> {
    const endMs = performance.now() + patienceMs;
    while (this.ledger.underWay > 0 && performance.now() < endMs) await sleep(20);
    return this.ledger.underWay === 0;
  }
}

const channelName = (channel: number) => `room:${channel}`;

export const run: RunLoad<PublishersLoad> = async (target, load, timing) => {
  const language = LANGUAGES[load.language]!;
  const publishers: RoomClient[] = [];
  const place = { ...target, port: target.publishPort ?? target.port };
  for (let i = 0; i < load.publishers; i++) publishers.push(await RoomClient.open(place, language));
  const traffic = new Traffic(language, publishers, load.channels, load.members);
  for (let channel = 0; channel < load.channels; channel++) {
    const members = await openMembers(target, language, channelName(channel), load.members);
    for (const [i, member] of members.entries()) traffic.listen(member, i);
  }
  const figures = await (load.inFlight === undefined
    ? atRates(traffic, load.rates!, timing)
    : asFastAsItGoes(traffic, load.inFlight, target, timing));
  await traffic.settle(END_MS);
  const { missing, doubled, reordered, orders, completed } = traffic.ledger;
  const bytesEach = traffic.bytes / completed / load.members;
  return { ...figures, bytesEach, missing, doubled, reordered, ...(load.channels === 1 && { orders }) };
};

async function asFastAsItGoes(traffic: Traffic, inFlight: number, target: Target, timing: Timing): Promise<Figures> {
  const { ledger } = traffic;
  let isOver = false;
  traffic.heard = (lane) => {
    if (!isOver) traffic.publish(lane);
  };
  for (let i = 0; i < inFlight; i++) for (let lane = 0; lane < traffic.lanes; lane++) traffic.publish(lane);
  setTimeout(() => ledger.takeLatencies(), timing.warmUpMs);
  const figures = await meter(target, timing, () => ledger.completed);
  const latencies = ledger.takeLatencies();
  isOver = true;
  return { ...figures, ...latencies };
}

/** @returns p50At10, p99At10 and so on, in milliseconds; none from the first rate on that was too much */
async function atRates(traffic: Traffic, rates: readonly number[], { warmUpMs, durationMs }: Timing): Promise<Figures> {
  const { ledger } = traffic;
  const figures: Record<string, number> = {};
  await publishAt(traffic, rates[0]!, warmUpMs);
  await traffic.settle();
  for (const rate of rates) {
    ledger.takeLatencies();
    await publishAt(traffic, rate, durationMs);
    // Who has fallen behind goes on falling.
    const isKept = ledger.underWay <= rate / 2;
    if (!(await traffic.settle()) || !isKept) break;
    const { p50, p99 } = ledger.takeLatencies();
    figures[`p50At${rate}`] = p50;
    figures[`p99At${rate}`] = p99;
  }
  return figures;
}

async function publishAt(traffic: Traffic, perSecond: number, durationMs: number): Promise<void> {
  const beginMs = performance.now();
  for (let i = 0; ; i++) {
    const dueMs = beginMs + (i * 1000) / perSecond;
    if (dueMs > beginMs + durationMs) return;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    traffic.publish(i % traffic.lanes, dueMs);
  }
}
