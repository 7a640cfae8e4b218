/** Times as the reader's language and zone have them. */
import { signal } from '@preact/signals';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dayOfYear = new Intl.DateTimeFormat(undefined, { dateStyle: 'long' });
const short = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

export const clockTime = (iso: string) => clock.format(new Date(iso));
export const fullTime = (iso: string) => full.format(new Date(iso));

/** Whether two times are on one day for the reader. */
export function isSameDay(one: string, other: string): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

/** A day as a separator names it: today, yesterday, a weekday with its date. */
export function dayName(iso: string): string {
  const date = new Date(iso);
  const days = daysAgo(date);
  if (days < 2) return capitalised(relative.format(-days, 'day'));
  return date.getFullYear() === new Date(today.value).getFullYear()
    ? day.format(date)
    : dayOfYear.format(date);
}

/** A time in as little room as a list has: the clock today, else the date. */
export function shortTime(iso: string): string {
  const date = new Date(iso);
  return daysAgo(date) < 1 ? clock.format(date) : short.format(date);
}

const midnightOf = (date: Date) =>
  new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** When the reader's day has started; what names a day by it is drawn again at midnight. */
const today = signal(midnightOf(new Date()));

/** How often it is looked whether a day is over, in ms: a timer until midnight sleeps with the device. */
const dayCheck = 15_000;

/** Keeps up with the days. */
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
