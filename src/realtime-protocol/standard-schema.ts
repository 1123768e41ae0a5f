/**
 * The interface that validators share, Standard Schema 1 (standardschema.dev): zod, valibot, arktype and others have it. So a
 * protocol is written in whichever of them an application has, and none is a dependency of this package.
 */

export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What one gives to the schema. */
export type InputOf<Schema> = Schema extends { readonly '~standard': { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly input: infer Input }
    ? Input
    : unknown
  : unknown;

/** What the schema makes of it. */
export type OutputOf<Schema> = Schema extends { readonly '~standard': { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly output: infer Output }
    ? Output
    : unknown
  : unknown;

/** Where a value is wrong, and why, in the form that goes over the wire. */
export interface Issue {
  readonly message: string;
  /** The way to the fault, from the outermost member on: `['items', 0, 'name']`; empty for the value itself. */
  readonly path: readonly (string | number)[];
}

/** Past them nobody reads on: what is wrong decides not how much is answered. */
const MAX_ISSUES = 20;
const MAX_STEPS = 20;
const MAX_STEP_LENGTH = 64;
const MAX_MESSAGE_LENGTH = 256;
/** Of all issues but the first, as JSON. */
const MAX_LENGTH = 4096;

/** The first issues of a validator, with paths that JSON can carry. */
export function toIssues(issues: readonly StandardIssue[]): Issue[] {
  const made = issues.slice(0, MAX_ISSUES).map(toIssue);
  let length = 0;
  return made.filter((issue, i) => {
    length += JSON.stringify(issue).length;
    return i === 0 || length <= MAX_LENGTH;
  });
}

function toIssue({ message, path = [] }: StandardIssue): Issue {
  return {
    message: message.slice(0, MAX_MESSAGE_LENGTH),
    path: path.slice(0, MAX_STEPS).map((step) => {
      const key = typeof step === 'object' ? step.key : step;
      return typeof key === 'number' ? key : String(key).slice(0, MAX_STEP_LENGTH);
    }),
  };
}
