/** How a task is checked: the learner's bytes go to the parser of production, and what it finds is held against the task. */

import { acceptValue, checkUpgradeRequest, HttpHeadParser } from '../../handshake/index.ts';
import { formatHex, parseHex, plural } from '../../inspector/index.ts';
import { type ReferenceFrame, readFrames } from '../../protocol/index.ts';
import { describeEvent } from '../lab/describe.ts';
import { heldBy } from '../lab/peek.ts';
import { type Receiver, type ReceiverOptions, receive } from '../lab/receiver.ts';

export interface Verdict {
  readonly passes: boolean;
  /** What the parser found. */
  readonly found: readonly string[];
  /** What is not yet as the task has it; empty when it passes. */
  readonly advice: string;
}

export type Check = (answer: string) => Verdict;

/** What a task asks of legal bytes: undefined when they are right, else what they are not yet. */
export type Wish = (receiver: Receiver, frames: readonly ReferenceFrame[]) => string | undefined;

const MAX_CHARACTERS = 120;
const NONE = new Uint8Array(0);

/**
 * @param wishes in the order in which they are told
 * @param behind bytes that the page puts behind those of the learner
 */
export function checkBytes(options: ReceiverOptions, wishes: readonly Wish[], behind: Uint8Array = NONE): Check {
  return (answer) => {
    let given: Uint8Array;
    try {
      given = parseHex(answer);
    } catch (error) {
      return { passes: false, found: [], advice: `${(error as Error).message}.` };
    }
    const bytes = Uint8Array.from([...given, ...behind]);
    const receiver = receive(bytes, options);
    const { frames } = readFrames(bytes, { role: options.role, allowsRsv1: options.hasDeflate });
    const found = receiver.events.map((event) => clip(describeEvent(event)));
    const fault = receiver.violation && 'The parser fails the connection.';
    const advice = [...wishes, endsWithFrame].reduce((first, wish) => first ?? wish(receiver, frames), fault);
    return { passes: advice === undefined, found, advice: advice ?? '' };
  };
}

/** Nothing has begun that does not end. */
const endsWithFrame: Wish = (receiver) => {
  const { headerBytes, frame } = heldBy(receiver);
  return headerBytes.length > 0 || frame !== undefined ? 'Bytes are left over: another frame begins.' : undefined;
};

function clip(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)}…`;
}

/** These events and no others, each as `describeEvent` has it. */
export function hears(...events: readonly string[]): Wish {
  return (receiver) => {
    const heard = receiver.events.map(describeEvent);
    if (heard.join('\n') === events.join('\n')) return undefined;
    if (heard.length < events.length) return 'Something is missing: the parser waits for more.';
    return 'This is legal, but not what the task asks for.';
  };
}

/** So many frames, all of them whole. */
export function hasFrames(count: number): Wish {
  return (_, frames) =>
    frames.length === count
      ? undefined
      : `The task asks for ${plural(count, 'frame')}: here ${frames.length === 1 ? 'is' : 'are'} ${frames.length}.`;
}

/** The key of the first frame, in hex. */
export function isMaskedWith(key: string): Wish {
  return (_, [frame]) => {
    const number = frame?.maskingKey ?? 0;
    const bytes = Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);
    return formatHex(bytes) === key ? undefined : `The masking key is not ${key}.`;
  };
}

/** No frame has a longer payload. */
export function hasPayloadUpTo(lengthBytes: number, index: number): Wish {
  return (_, frames) =>
    (frames[index]?.payloadLength ?? 0) <= lengthBytes
      ? undefined
      : `The payload of frame ${index + 1} has more than ${lengthBytes} bytes.`;
}

/** The head of a request, as a server judges it. */
export function checkHead(answer: string): Verdict {
  const text = `${answer.trim().replace(/\r?\n/g, '\r\n')}\r\n\r\n`;
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const parsed = new HttpHeadParser({ kind: 'request' }).push(bytes);
  if (parsed === undefined) return { passes: false, found: [], advice: 'The head has no end.' };
  if (!parsed.ok) return { passes: false, found: [], advice: `${parsed.message}.` };
  const judged = checkUpgradeRequest(parsed.head);
  if (!judged.ok) {
    return { passes: false, found: [`HTTP ${judged.status}`], advice: `The server refuses: ${judged.message}.` };
  }
  const found = ['HTTP/1.1 101 Switching Protocols', `Sec-WebSocket-Accept: ${acceptValue(judged.key)}`];
  return { passes: true, found, advice: '' };
}
