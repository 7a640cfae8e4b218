/** A unit of work: the types that a mutation is written with. */
import type { Snapshot } from './query/query.ts';
import type { events, messages } from './query/tables.ts';

export type EventRow = typeof events.$inferSelect;

/** An event as it is told after its commit. */
export interface CommittedEvent extends EventRow {
  /** The message that it announces, so that nobody has to read it; the log itself holds no texts. */
  readonly payload?: MessagePayload;
}

export interface MessagePayload {
  readonly message: typeof messages.$inferSelect;
  /** How many messages its chat has had with it. */
  readonly posted: number;
}

/** One unit of work: what a command does, it does through this, all of it or nothing. */
export interface Unit extends Snapshot {
  /** When the unit began, in ms since 1970: the one time that all it writes bears. */
  readonly now: number;
  /** What it appended to the event log, told to the others once it is committed. */
  readonly events: CommittedEvent[];
  /** What it leaves to be done with the same of its whole batch, in the same transaction. */
  readonly beforeCommit: BeforeCommitHook[];
  /** Whether long work may go on in this unit; false once others have waited long enough. */
  hasTime(): boolean;
}

/** It must not fail but by the disk: it would take the batch with it. */
type BeforeCommitHook = (snapshot: Snapshot) => Promise<void>;

/**
 * A named function of plain data that checks the right, makes the change and appends the event.
 * It awaits nothing but the database: the next command waits for it. What it takes and gives may
 * pass from thread to thread, so it is what structuredClone can copy.
 */
export type Mutation<Input, Result> = (unit: Unit, input: Input) => Promise<Result>;

/** A command and what it is given. */
export interface Task {
  // biome-ignore lint/suspicious/noExplicitAny: each has an input of its own type.
  readonly mutation: Mutation<any, unknown>;
  readonly input: unknown;
}

/** Who has committed: this process, or another one. */
export type Origin = 'local' | 'external';
