/** The sources that lessons lead to, as text: loaded when the first of them is opened. */

import acceptance from '../../deflate/negotiate.ts?raw';
import key from '../../handshake/key.ts?raw';
import serverHandshake from '../../handshake/server-handshake.ts?raw';
import inflate from '../../inspector/inflate.ts?raw';
import closeCode from '../../protocol/close-code.ts?raw';
import closingHandshake from '../../protocol/closing-handshake.ts?raw';
import frameHeader from '../../protocol/frame-header.ts?raw';
import frameWriter from '../../protocol/frame-writer.ts?raw';
import mask from '../../protocol/mask.ts?raw';
import messageAssembler from '../../protocol/message-assembler.ts?raw';
import opcode from '../../protocol/opcode.ts?raw';
import reference from '../../protocol/reference.ts?raw';
import utf8 from '../../protocol/utf8.ts?raw';
import violation from '../../protocol/violation.ts?raw';

export const SOURCES: Readonly<Record<string, string>> = {
  'deflate/negotiate.ts': acceptance,
  'handshake/key.ts': key,
  'handshake/server-handshake.ts': serverHandshake,
  'inspector/inflate.ts': inflate,
  'protocol/close-code.ts': closeCode,
  'protocol/closing-handshake.ts': closingHandshake,
  'protocol/frame-header.ts': frameHeader,
  'protocol/frame-writer.ts': frameWriter,
  'protocol/mask.ts': mask,
  'protocol/message-assembler.ts': messageAssembler,
  'protocol/opcode.ts': opcode,
  'protocol/reference.ts': reference,
  'protocol/utf8.ts': utf8,
  'protocol/violation.ts': violation,
};
