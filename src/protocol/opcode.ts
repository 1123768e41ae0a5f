/** The opcodes of §5.2, and what follows from their bits. */

/** Opcode values of §5.2. 0x3–0x7 and 0xB–0xF are reserved. */
export const Opcode = {
  Continuation: 0x0,
  Text: 0x1,
  Binary: 0x2,
  Close: 0x8,
  Ping: 0x9,
  Pong: 0xa,
} as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** Where the opcode stands in the first byte of a frame, and its most significant bit (§5.5). */
export const OPCODE_BITS = 0x0f;
export const CONTROL_BIT = 0x08;

const NAMES: readonly string[] = [
  'continuation',
  'text',
  'binary',
  ...Array<string>(5).fill('reserved data'),
  'close',
  'ping',
  'pong',
  ...Array<string>(5).fill('reserved control'),
];

/** The name of a 4-bit opcode, reserved ones included. */
export function opcodeName(opcode: number): string {
  return NAMES[opcode & OPCODE_BITS]!;
}

/** §5.5: a control frame is one whose opcode has its most significant bit set. */
export function isControlOpcode(opcode: number): boolean {
  return (opcode & CONTROL_BIT) !== 0;
}

/** §5.2: opcodes that no version or extension has given a meaning. */
export function isReservedOpcode(opcode: number): boolean {
  return (opcode & 0x7) > Opcode.Binary;
}
