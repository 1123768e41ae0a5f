/** Values against their schemas, at once where the schema answers at once. */

import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { type StandardResult, type StandardSchemaV1, toIssues } from '../realtime-protocol/standard-schema.ts';
import { isThenable } from '../socket/emitter.ts';

/**
 * What the schema makes of a value, or a promise of it.
 * @param what the value, as the error calls it
 * @throws {RealtimeError} INVALID, with the issues; also as a rejected promise
 */
export function validate(schema: StandardSchemaV1, value: unknown, what: string): unknown {
  const result = schema['~standard'].validate(value);
  if (isThenable(result)) return result.then((settled) => outputOf(settled as StandardResult<unknown>, what));
  return outputOf(result as StandardResult<unknown>, what);
}

function outputOf(result: StandardResult<unknown>, what: string): unknown {
  if (result.issues === undefined) return result.value;
  const issues = toIssues(result.issues);
  const [first] = issues;
  const place = first === undefined || first.path.length === 0 ? '' : ` at ${first.path.join('.')}`;
  throw new RealtimeError('INVALID', `${what} is not as the protocol wants${place}: ${first?.message}`, { issues });
}

/**
 * As JSON text.
 * @throws {RealtimeError} INVALID for what JSON does not have
 */
export function toJson(value: unknown, what: string): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  throw new RealtimeError('INVALID', `${what} has to be JSON`, { cause });
}
