/** A unit of work: the types that a mutation is written with. */
import type { Snapshot } from './query/query.ts';
import type { events, messages } from './query/tables.ts';

export type EventRow = typeof events.$inferSelect;

/** An event as listeners receive it after its commit. */
export interface CommittedEvent extends EventRow {
  /**
   * The message that the event announces, so that no listener has to read it; the log itself holds
   * no text.
   */
  readonly payload?: MessagePayload;
}

export interface MessagePayload {
  readonly message: typeof messages.$inferSelect;
  /** How many messages its chat has had, including this one. */
  readonly posted: number;
}

/**
 * One unit of work: every change that a mutation makes goes through it, and all or none is
 * committed.
 */
export interface Unit extends Snapshot {
  /** The start of the unit, in ms since 1970: the one timestamp for everything that it writes. */
  readonly now: number;
  /** The events that it has appended; listeners receive them after the commit. */
  readonly events: CommittedEvent[];
  /** Hooks that run once for the whole batch, in the same transaction, before the commit. */
  readonly beforeCommit: BeforeCommitHook[];
  /**
   * Whether long work may continue in this unit; false once other mutations have waited long
   * enough.
   */
  hasTime(): boolean;
}

/** May fail only when the disk does: a failure rolls back the whole batch. */
type BeforeCommitHook = (snapshot: Snapshot) => Promise<void>;

/**
 * A named function of plain data that checks the right, makes the change and appends the event. It
 * awaits only the database, because the next mutation waits for it. Its input and result may pass
 * between threads, so structuredClone must be able to copy them.
 */
export type Mutation<Input, Result> = (unit: Unit, input: Input) => Promise<Result>;

/** A mutation and its input. */
export interface Task {
  // biome-ignore lint/suspicious/noExplicitAny: each has an input of its own type.
  readonly mutation: Mutation<any, unknown>;
  readonly input: unknown;
}

/** Whether this process has committed, or another one. */
export type Origin = 'local' | 'external';
