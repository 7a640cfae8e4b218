/**
 * What passes between the thread that serves and the one that writes. A copy of an error has neither
 * its class nor its code: so errors are taken apart here and put together there.
 */
import { Refusal, type RefusalCode } from '../../errors.ts';
import type { FileIdentities } from '../file/sqlite-errors.ts';
import type { Outcome } from './sqlite-writer.ts';

/** What the thread is started with. */
export interface WorkerData {
  readonly file: string;
  /** What must be in its place whenever something is written. */
  readonly identities: FileIdentities;
}

/** What the thread is asked to do; it answers in the same order, each with a Packed. */
export type WorkerRequest =
  | { readonly kind: 'write'; readonly batch: readonly NamedTask[] }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'truncateWal' }
  | { readonly kind: 'requireSpace' }
  | { readonly kind: 'checkIntegrity' }
  | { readonly kind: 'close' };

/** A function cannot pass, its name can. */
export interface NamedTask {
  readonly name: string;
  readonly input: unknown;
}

/** How something went, as it passes. */
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

export function deserialize(packed: SerializedOutcome): Outcome {
  if ('result' in packed) return packed;
  if ('refusal' in packed) return { error: new Refusal(packed.refusal, packed.wait) };
  const { message, stack, code } = packed.failure;
  return { error: Object.assign(new Error(message), { stack, code }) };
}
