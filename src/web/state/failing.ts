/** Errors that are shown where they happened, until their cause is gone. */
import { effect, type Signal, untracked, useSignal, useSignalEffect } from '@preact/signals';
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

/** An error stays until its cause is gone, or until the next attempt. */
export function useFailing(): Failing {
  const error = useSignal<unknown>(undefined);
  useEffect(() => watchCause(error), []);
  const attempt = (work: Promise<unknown>) => {
    error.value = undefined;
    work.catch((thrown: unknown) => (error.value = thrown));
  };
  return { error, attempt };
}

/**
 * Removes a network error once its cause is gone: when the server can be reached again, or when the
 * time is over after which the server answers again.
 *
 * @returns a function that ends this.
 */
export function watchCause(error: Signal<unknown>): () => void {
  const forget = () => {
    if (error.peek() instanceof NetworkError) error.value = undefined;
  };
  const endReached = reached.subscribe(forget);
  const endWait = effect(() => {
    const { value: thrown } = error;
    if (!(thrown instanceof NetworkError) || thrown.wait === 0) return;
    const timer = setTimeout(forget, thrown.wait);
    return () => clearTimeout(timer);
  });
  return () => {
    endReached();
    endWait();
  };
}

/** Loads something; `isCurrent` turns false when its inputs change or the part closes. */
type Load = (isCurrent: () => boolean) => Promise<unknown>;

/**
 * Loads what a part of the page shows when it opens and when an input changes. If the server could
 * not answer, loads it again once the cause of that is gone.
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
    if (failing.error.value === undefined && isDue.current) untracked(latest.current);
  });
  return failing;
}
