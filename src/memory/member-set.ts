/**
 * A Set for what comes and goes for years: the connections of a server. V8's own Set makes a new table again and again, and
 * each old one leads to the next. A table that has become old keeps what it held, and all tables behind it, until the next
 * collection of the whole heap: connections that have ended are copied with every young collection, and become old as well.
 * Here they lie in an array, with gaps that are closed where it stands.
 */

/** Where a member was put last. Only a hint: it may have left since, or lie in another set, too. */
const PLACE = Symbol('framewright place');
/** So many gaps are never closed; of more, an eighth of the members. */
const FEW = 16;
const FEW_OF = 8;

interface Placed {
  [PLACE]?: number;
}

/** Members are objects that can take a property. A loop visits those that are there when it begins, and still are at their turn. */
export class MemberSet<Member extends object> extends Set<Member> {
  readonly #members: (Member | undefined)[] = [];
  /** Behind the last member. What lies from here on in the array is free. */
  #end = 0;
  #size = 0;

  override get size(): number {
    return this.#size;
  }

  override has(member: Member): boolean {
    return this.#find(member) >= 0;
  }

  override add(member: Member): this {
    if (this.has(member)) return this;
    if (this.#end === this.#members.length && this.#end - this.#size > Math.max(FEW, this.#size / FEW_OF))
      this.#closeGaps();
    this.#put(member, this.#end++);
    this.#size++;
    return this;
  }

  override delete(member: Member): boolean {
    const place = this.#find(member);
    if (place < 0) return false;
    this.#members[place] = undefined;
    this.#size--;
    return true;
  }

  override clear(): void {
    this.#members.fill(undefined);
    this.#end = 0;
    this.#size = 0;
  }

  override forEach(visit: (member: Member, same: Member, set: Set<Member>) => void, receiver?: unknown): void {
    for (const member of this) visit.call(receiver, member, member, this);
  }

  override *values(): SetIterator<Member> {
    for (const member of this.#members.slice(0, this.#end)) {
      if (member !== undefined && this.has(member)) yield member;
    }
  }

  override keys(): SetIterator<Member> {
    return this.values();
  }

  override *entries(): SetIterator<[Member, Member]> {
    for (const member of this) yield [member, member];
  }

  override [Symbol.iterator](): SetIterator<Member> {
    return this.values();
  }

  /** As a Set is shown. */
  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    options: object,
    inspect: (value: unknown, options: object) => string,
  ) {
    return inspect(new Set(this), options);
  }

  #find(member: Member): number {
    const hint = (member as Placed)?.[PLACE];
    if (hint === undefined) return -1;
    return hint < this.#end && this.#members[hint] === member ? hint : this.#members.indexOf(member);
  }

  #put(member: Member, place: number): void {
    this.#members[place] = member;
    (member as Placed)[PLACE] = place;
  }

  /** In the same array: one that is left behind would keep what it held. */
  #closeGaps(): void {
    let end = 0;
    for (const member of this.#members) if (member !== undefined) this.#put(member, end++);
    this.#members.fill(undefined, end);
    this.#end = end;
  }
}

// So test runners compare it with a Set, and a copy of it is one.
Object.defineProperty(MemberSet.prototype, 'constructor', { value: Set, configurable: true, writable: true });

// ES2025's, where the runtime has them.
for (const name of [
  'difference',
  'intersection',
  'isDisjointFrom',
  'isSubsetOf',
  'isSupersetOf',
  'symmetricDifference',
  'union',
]) {
  const method: unknown = Reflect.get(Set.prototype, name);
  if (typeof method !== 'function') continue;
  Object.defineProperty(MemberSet.prototype, name, {
    value(this: Set<object>, other: unknown): unknown {
      return method.call(new Set(this), other);
    },
    configurable: true,
    writable: true,
  });
}
