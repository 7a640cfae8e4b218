/** Whether the server has another client by now than this page, and what is done about it. */
import { effect, signal } from '@preact/signals';
import { outbox } from './outbox.ts';

const ownBuild = document.documentElement.dataset.build;

/** The build that the server has, if that is another one. */
const newBuild = signal('');

export const isOutdated = () => newBuild.value !== '';

const isHidden = signal(document.hidden);

/** Takes note of the build that the server has. */
export function noteBuild(build: string): void {
  newBuild.value = build === ownBuild ? '' : build;
}

export function reload(): void {
  location.reload();
}

/** Reloads an outdated page as soon as nobody looks at it and nothing would be lost. */
export function openUpdates(): void {
  document.addEventListener('visibilitychange', () => {
    isHidden.value = document.hidden;
  });
  effect(() => {
    if (isOutdated() && isHidden.value && outbox.value.length === 0 && !isTyped()) reloadOnce();
  });
}

/** By itself once for each build: a page that stays as it was must not be reloaded for ever. */
function reloadOnce(): void {
  const key = 'snug.reloaded';
  if (sessionStorage.getItem(key) === newBuild.value) return;
  sessionStorage.setItem(key, newBuild.value);
  reload();
}

/** Whether a field holds what somebody typed, or a dialog is open. */
function isTyped(): boolean {
  const fields = document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(
    'input:not([readonly]), textarea',
  );
  const isChanged = [...fields].some((field) => field.value !== field.defaultValue);
  return isChanged || document.querySelector('dialog') !== null;
}
