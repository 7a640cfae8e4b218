/** What could not be done, said to the person wherever they are. */
import { signal } from '@preact/signals';
import { NetworkError } from '../lib/api.ts';
import { route } from '../lib/route.ts';
import { connection } from './connection.ts';

/** What was thrown; undefined once it was read. */
export const failure = signal<unknown>(undefined);

/** Waits for something that somebody asked for, and says so if it cannot be done. */
export function attempt(work: Promise<unknown>): void {
  failure.value = undefined;
  work.catch((error: unknown) => {
    failure.value = error;
  });
}

/**
 * The net below: a promise that nobody minded must not fail without a word. What was said goes when
 * one goes elsewhere, or its cause does.
 */
export function openFailures(): void {
  route.subscribe(() => (failure.value = undefined));
  connection.subscribe((state) => {
    if (state === 'open' && failure.peek() instanceof NetworkError) failure.value = undefined;
  });
  addEventListener('unhandledrejection', (event) => {
    failure.value = event.reason;
  });
}
