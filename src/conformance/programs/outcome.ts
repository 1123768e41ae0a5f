/** How a program ends that does not reach its end. */

/** The testee has done something else than the clause asks. The message says what. */
export class Unexpected extends Error {}

/** A server has answered the request with another status than 101. */
export class Refused extends Unexpected {}

/** Nothing has come as long as there was patience. */
export class Silence extends Unexpected {}

/** The testee does without what the case is about, and may. */
export class Unavailable extends Error {}
