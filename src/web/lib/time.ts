/** Formats times in the reader's language and time zone. */
import { signal } from '@preact/signals';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dayOfYear = new Intl.DateTimeFormat(undefined, { dateStyle: 'long' });
const short = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

export const clockTime = (iso: string) => clock.format(new Date(iso));
export const fullTime = (iso: string) => full.format(new Date(iso));

/** Whether two times are on the same day in the reader's time zone. */
export function isSameDay(one: string, other: string): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

/** The name of a day for a separator: today, yesterday, or a weekday with its date. */
export function dayName(iso: string): string {
  const date = new Date(iso);
  const days = daysAgo(date);
  if (days < 2) return capitalised(relative.format(-days, 'day'));
  return date.getFullYear() === new Date(today.value).getFullYear()
    ? day.format(date)
    : dayOfYear.format(date);
}

/** A short time for lists: the clock time for today, otherwise the date. */
export function shortTime(iso: string): string {
  const date = new Date(iso);
  return daysAgo(date) < 1 ? clock.format(date) : short.format(date);
}

const midnightOf = (date: Date) =>
  new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** The start of the reader's day, in ms since 1970; day names that use it update at midnight. */
const today = signal(midnightOf(new Date()));

/**
 * The interval of the check for a new day, in ms: a timer until midnight would sleep with the
 * device.
 */
const dayCheck = 15_000;

/** Starts the check for a new day. */
export function openDays(): void {
  setInterval(() => {
    today.value = midnightOf(new Date());
  }, dayCheck);
}

function daysAgo(date: Date): number {
  return Math.round((today.value - midnightOf(date)) / 86_400_000);
}

function capitalised(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
