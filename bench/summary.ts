/** The first page of the report: what the figures mean for somebody who runs a server. */
import type { Sample } from './measure.ts';
import { formatNumber, median } from './statistics.ts';
import type { Measured } from './targets.ts';

const p50 = (sample: Sample) => sample.p50;
const rate = (sample: Sample) => sample.rate;
const idle = (measured: Measured) => measured.values('cold', 'memory before, MB');

/** A sentence with one or more figures in it; each is a median. */
interface Sentence {
  readonly values: (measured: Measured) => readonly (readonly number[])[];
  readonly say: (...figures: string[]) => string;
}

const sentences: readonly Sentence[] = [
  {
    values: (measured) => [measured.server('batches-1', 'snug', p50)],
    say: (ms) => `A message is on the disk, and answered, after ${ms} ms when nobody else writes.`,
  },
  {
    values: (measured) => [measured.server('batches-64', 'snug', rate)],
    say: (count) => `One core stores ${count} messages a second when 64 people write at once.`,
  },
  {
    values: (measured) => [measured.server('newest', 'snug', rate)],
    say: (count) => `One core shows the newest 50 messages of a chat ${count} times a second.`,
  },
  ...['500', '2,000'].map((count) => ({
    values: (measured: Measured) =>
      ['posts', 'reads'].map((kind) =>
        measured.values('open-loop', `${count}/s: snug: ${kind} p99 ms`),
      ),
    say: (post = '', read = '') =>
      `At ${count} requests a second, 99 of 100 messages are stored within ${post} ms, and 99 of 100 pages and lists come within ${read} ms.`,
  })),
  {
    values: (measured) => [
      measured.values('list-sizes', '20 chats, page of 50: CPU µs'),
      measured.values('list-sizes', '5,000 chats, page of 50: CPU µs'),
    ],
    say: (few, many) =>
      `After a new message, the list of 20 chats costs ${few} µs of CPU time, and the first 50 of 5,000 cost ${many} µs.`,
  },
  {
    values: (measured) => [
      measured.values('delivery', '5,000 streams: last stream p99 ms'),
      measured.values('delivery', '5,000 streams: page p99 ms'),
    ],
    say: (last, page) =>
      `With 5,000 open windows in one chat, 99 of 100 messages reach all of them within ${last} ms; pages come within ${page} ms meanwhile.`,
  },
  {
    values: (measured) => [
      measured.values('pi', 'post p50 ms'),
      measured.values('pi', 'post p99 ms'),
      measured.values('pi', 'page p50 ms'),
    ],
    say: (usual, slow, page) =>
      `On a computer with a quarter of this core and a slow SD card, four people wait ${usual} ms for a message, seldom more than ${slow} ms, and ${page} ms for a page.`,
  },
  {
    values: (measured) => [measured.values('start-up', 'start, ms'), idle(measured)],
    say: (ms, memory) => `It starts in ${ms} ms, and then uses ${memory} MB of memory of its own.`,
  },
];

/** The sentences whose figures were all measured, as a list in Markdown. */
export function summarise(measured: Measured): string {
  return sentences
    .map(({ values, say }) => ({ lists: values(measured), say }))
    .filter(({ lists }) => lists.every((list) => list.length > 0))
    .map(({ lists, say }) => `- ${say(...lists.map((list) => formatNumber(median(list))))}`)
    .join('\n');
}
