/** The worker's half of a list: which part of a journal is in sight, and which of its entries is looked at. */

import { formatHex } from '../../inspector/index.ts';
import type { Detail } from '../journal/entry.ts';
import { NO_FILTER } from '../journal/filter.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournalQuestion, JournalRequest, JournalView } from './messages.ts';

/** Lines that are told before anybody has said how many are in sight. */
const FIRST_LINES = 60;
/** So much of an entry is copied as hex. */
const MAX_COPIED_BYTES = 1024 * 1024;

export class JournalWindow {
  #journal: Journal;
  #start = 0;
  #lines = FIRST_LINES;
  /** Whether the newest lines are in sight, whatever comes. */
  #isFollowing = true;
  #selectedId = 0;
  #filter = NO_FILTER;
  /** That the page does not have yet. */
  #newDetail: Detail | null | undefined;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Looks at another journal. */
  open(journal: Journal): void {
    this.#journal = journal;
    journal.filter(this.#filter);
    this.#start = 0;
    this.#isFollowing = false;
    this.#choose(0);
  }

  take(request: JournalRequest): void {
    switch (request.type) {
      case 'look':
        this.#start = request.start;
        this.#lines = request.end - request.start;
        this.#isFollowing = request.isFollowing;
        break;
      case 'select':
        this.select(request.index);
        break;
      case 'move':
        this.#move(request.by);
        break;
      case 'filter':
        this.#filter = request.filter;
        this.#journal.filter(request.filter);
        break;
      case 'clear':
        this.#journal.clear();
        this.#choose(0);
        break;
    }
  }

  select(index: number): void {
    const last = this.#journal.shownCount - 1;
    this.#choose(this.#journal.idAt(Math.max(0, Math.min(index, last))) ?? 0);
  }

  #move(by: number): void {
    const from = this.#selectedId === 0 ? -1 : this.#journal.indexOf(this.#selectedId);
    this.select(from === -1 && by < 0 ? this.#journal.shownCount - 1 : from + by);
  }

  answer(question: JournalQuestion): unknown {
    switch (question.type) {
      case 'payload':
        return this.#journal.payload(question.id, question.at, question.length);
      case 'hex':
        return formatHex(this.#journal.bytes(question.id, MAX_COPIED_BYTES));
      case 'save':
        return this.#journal.save();
    }
  }

  view(): JournalView {
    const { shownCount, count, letGoCount, lostCount, goneCount, connections } = this.#journal;
    const start = this.#isFollowing ? Math.max(0, shownCount - this.#lines) : this.#start;
    return {
      shownCount,
      count,
      letGoCount,
      lostCount,
      goneCount,
      connections,
      start,
      rows: this.#journal.rows(start, start + this.#lines),
      selectedIndex: this.#selectedId === 0 ? -1 : this.#journal.indexOf(this.#selectedId),
    };
  }

  /** Everything about the entry that is looked at, once. */
  takeDetail(): { detail?: Detail | null } {
    const detail = this.#newDetail;
    this.#newDetail = undefined;
    return detail === undefined ? {} : { detail };
  }

  #choose(id: number): void {
    if (id === this.#selectedId) return;
    this.#selectedId = id;
    this.#newDetail = this.#journal.detail(id) ?? null;
  }
}
