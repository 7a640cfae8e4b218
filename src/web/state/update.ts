/** Detects that the server has a newer client than this page, and reloads the page. */
import { effect, signal } from '@preact/signals';
import { leaveNote } from '../lib/storage.ts';
import { outbox } from './outbox.ts';

const ownBuild = document.documentElement.dataset.build;

/** The server's build, if it differs from this page's. */
const newBuild = signal('');

export const isOutdated = () => newBuild.value !== '';

const isHidden = signal(document.hidden);

/** Records the server's build. */
export function noteBuild(build: string): void {
  newBuild.value = build === ownBuild ? '' : build;
}

export function reload(): void {
  location.reload();
}

/** Reloads an outdated page as soon as it is hidden and nothing would be lost. */
export function openUpdates(): void {
  document.addEventListener('visibilitychange', () => {
    isHidden.value = document.hidden;
  });
  effect(() => {
    if (isOutdated() && isHidden.value && outbox.value.length === 0 && !isTyped()) reloadOnce();
  });
}

/**
 * Reloads automatically only once for each build, so that a stale page is not reloaded forever; not
 * at all without storage, which would not remember it.
 */
function reloadOnce(): void {
  if (leaveNote('snug.reloaded', newBuild.value)) reload();
}

/** Whether the user has typed something, or a dialog is open. */
function isTyped(): boolean {
  const fields = document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(
    'input:not([readonly]), textarea',
  );
  const isChanged = [...fields].some((field) => field.value !== field.defaultValue);
  return isChanged || document.querySelector('dialog') !== null;
}
