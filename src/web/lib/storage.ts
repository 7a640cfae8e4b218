/**
 * The browser's storage, which may be full or refused: what cannot be kept there is not kept, and
 * everything goes on without it.
 */
import { signal } from '@preact/signals';

/** Whether something could not be kept: it is gone when the page is closed. */
export const isStorageFull = signal(false);

export function readItem(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function writeItem(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
    isStorageFull.value = false;
  } catch {
    isStorageFull.value = true;
  }
}

export function removeItem(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // Then it was never kept.
  }
}

/** The names of all that is kept. */
export function itemKeys(): string[] {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

/** Leaves a note for the page that this tab opens next. */
export function leaveNote(key: string): void {
  try {
    sessionStorage.setItem(key, 'yes');
  } catch {
    // Then it is not said.
  }
}

/** Whether the page before this one has left a note; it is gone then. */
export function takeNote(key: string): boolean {
  try {
    const isThere = sessionStorage.getItem(key) !== null;
    sessionStorage.removeItem(key);
    return isThere;
  } catch {
    return false;
  }
}
