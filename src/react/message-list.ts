/** The newest messages of a connection or channel, as many as a component wants to keep. */

/** How many messages `keep` keeps when it is not given. */
export const DEFAULT_KEEP = 200;

export class MessageList<Message> {
  #messages: readonly Message[] = [];
  /** Not in `#messages` yet. */
  #arrived: Message[] = [];

  append(message: Message, keep: number): void {
    this.#arrived.push(message);
    // Nobody looks at them for as long as the page is hidden.
    if (this.#arrived.length > 2 * keep) this.#arrived = newest(this.#arrived, keep);
  }

  /** The same array for as long as nothing arrives. */
  view(keep: number): readonly Message[] {
    if (this.#arrived.length > 0 || this.#messages.length > keep) {
      this.#messages = newest([...this.#messages, ...this.#arrived], keep);
      this.#arrived = [];
    }
    return this.#messages;
  }
}

function newest<Message>(messages: Message[], keep: number): Message[] {
  return messages.length > keep ? messages.slice(messages.length - keep) : messages;
}
