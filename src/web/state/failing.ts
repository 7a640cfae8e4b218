/** Errors that are shown where they happened, until their cause is gone. */
import { type Signal, untracked, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { NetworkError } from '../lib/api.ts';
import { reached } from './connection.ts';

/** The place for the error of one part of the page. */
export interface Failing {
  /** The error to show; undefined if there is none. */
  readonly error: Signal<unknown>;
  /** Waits for an action of the user, and shows its error if it fails. */
  attempt(work: Promise<unknown>): void;
}

/** A network error disappears when the server can be reached again, any other with the next attempt. */
export function useFailing(): Failing {
  const error = useSignal<unknown>(undefined);
  useSignalEffect(() => {
    reached.value;
    clearNetworkError(error);
  });
  const attempt = (work: Promise<unknown>) => {
    error.value = undefined;
    work.catch((thrown: unknown) => (error.value = thrown));
  };
  return { error, attempt };
}

/** Removes an error that the server could not be reached or had no time. */
export function clearNetworkError(error: Signal<unknown>): void {
  if (error.peek() instanceof NetworkError) error.value = undefined;
}

/** Loads something; `isCurrent` turns false when its inputs change or the part closes. */
type Load = (isCurrent: () => boolean) => Promise<unknown>;

/**
 * Loads what a part of the page shows when it opens and when an input changes, and once more when
 * the server can be reached again, if it could not before.
 */
export function useLoading(load: Load, inputs: readonly unknown[]): Failing {
  const failing = useFailing();
  const turn = useRef(0);
  const isDue = useRef(false);
  const run = () => {
    const own = ++turn.current;
    isDue.current = false;
    load(() => own === turn.current).catch((thrown: unknown) => {
      if (own !== turn.current) return;
      isDue.current = thrown instanceof NetworkError;
      failing.error.value = thrown;
    });
  };
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    failing.error.value = undefined;
    run();
    return () => {
      turn.current += 1;
    };
  }, inputs);
  useSignalEffect(() => {
    reached.value;
    if (isDue.current) untracked(latest.current);
  });
  return failing;
}
