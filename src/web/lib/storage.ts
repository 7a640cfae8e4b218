/**
 * The browser's storage, which may be full or blocked. The client works without it: what cannot be
 * stored is lost when the page closes.
 */
import { signal } from '@preact/signals';

/** Whether something could not be stored and will be lost when the page closes. */
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
    // Then it was never stored.
  }
}

/** The keys of all stored items. */
export function itemKeys(): string[] {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

/**
 * Leaves a note for the next page in this tab.
 *
 * @returns whether the note is new: false if the same one is there, or if it cannot be stored.
 */
export function leaveNote(key: string, text: string): boolean {
  try {
    const isNew = sessionStorage.getItem(key) !== text;
    sessionStorage.setItem(key, text);
    return isNew;
  } catch {
    return false;
  }
}
