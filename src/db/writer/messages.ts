/**
 * The messages between the main thread and the writer thread. A copied error has neither its class
 * nor its code, so errors are serialized on one side and rebuilt on the other.
 */
import { Refusal, type RefusalCode } from '../../errors.ts';
import type { FileIdentities } from '../file/sqlite-errors.ts';
import type { Outcome } from './sqlite-writer.ts';

/** The data that the thread starts with. */
export interface WorkerData {
  readonly file: string;
  /** The files that must still be in place whenever something is written. */
  readonly identities: FileIdentities;
}

/** A request to the thread. It answers in order, each request with a SerializedOutcome. */
export type WorkerRequest =
  | { readonly kind: 'write'; readonly batch: readonly NamedTask[] }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'truncateWal' }
  | { readonly kind: 'requireSpace' }
  | { readonly kind: 'checkIntegrity' }
  | { readonly kind: 'close' };

/** A mutation by its name, because a function cannot be sent. */
export interface NamedTask {
  readonly name: string;
  readonly input: unknown;
}

/** An outcome in a form that can be sent. */
export type SerializedOutcome =
  | { readonly result: unknown }
  | { readonly refusal: RefusalCode; readonly wait: number | undefined }
  | { readonly failure: { message: string; stack: string | undefined; code: unknown } };

export function serialize(outcome: Outcome): SerializedOutcome {
  if ('result' in outcome) return outcome;
  const { error } = outcome;
  if (error instanceof Refusal) return { refusal: error.code, wait: error.wait };
  const { message, stack, code } = error as NodeJS.ErrnoException;
  return { failure: { message, stack, code } };
}

export function deserialize(serialized: SerializedOutcome): Outcome {
  if ('result' in serialized) return serialized;
  if ('refusal' in serialized) return { error: new Refusal(serialized.refusal, serialized.wait) };
  const { message, stack, code } = serialized.failure;
  return { error: Object.assign(new Error(message), { stack, code }) };
}
