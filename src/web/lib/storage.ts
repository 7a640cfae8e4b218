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

/** Leaves a note for the next page in this tab. */
export function leaveNote(key: string): void {
  try {
    sessionStorage.setItem(key, 'yes');
  } catch {
    // Then the next page does not show it.
  }
}

/** Whether the previous page in this tab left a note; removes it. */
export function takeNote(key: string): boolean {
  try {
    const isThere = sessionStorage.getItem(key) !== null;
    sessionStorage.removeItem(key);
    return isThere;
  } catch {
    return false;
  }
}
