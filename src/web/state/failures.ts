/** Reports failed actions to the user, in whatever pane they are. */
import { signal } from '@preact/signals';
import { route } from '../lib/route.ts';
import { watchCause } from './failing.ts';

/** The error to show; undefined once it was dismissed. */
export const failure = signal<unknown>(undefined);

/** Waits for an action of the user, and shows its error if it fails. */
export function attempt(work: Promise<unknown>): void {
  failure.value = undefined;
  work.catch((error: unknown) => {
    failure.value = error;
  });
}

/**
 * Shows the errors of unhandled promises too. An error disappears when the user goes to another
 * pane, and a network error also when its cause is gone.
 */
export function openFailures(): void {
  route.subscribe(() => (failure.value = undefined));
  watchCause(failure);
  addEventListener('unhandledrejection', (event) => {
    failure.value = event.reason;
  });
}
