/**
 * The vocabulary of a block: the beginnings of its words. A search checks it first, and looks up in
 * the index only the blocks that may have all the terms. FTS5 takes 15 to 60 µs for each block,
 * because it reads each of its segments; the vocabulary takes 2 to 4 µs.
 *
 * Posting does not wait for it: vocabularies are extended some seconds later, in portions. Until
 * then a block counts as one that may have any word.
 */

import type { Snapshot } from '../../db/query/query.ts';
import { inSteps } from '../../db/steps.ts';
import type { Unit } from '../../db/unit-of-work.ts';
import { beyondIds } from '../../http/schema.ts';
import type { Term } from '../fts-query.ts';
import { indexWaiting } from '../waiting.ts';
import { foldedWords } from '../words.ts';
import {
  deleteSomeWordsOf,
  findBlockBehind,
  insertVocabulary,
  listTextsBetween,
  setKnownTo,
  slots,
  type Wanted,
} from './queries.ts';

/**
 * The length of the beginnings in a vocabulary, in UTF-16 code units. Longer ones would hardly rule
 * out more blocks; with this length a million messages take 23 MB.
 */
const entryLength = 8;

/** The number of messages that one step reads, and of entries that it deletes. */
const messageStep = 50;
const entryStep = 500;

/** Sorts after any character of a word. */
const afterAll = '\u{10ffff}';

/** The entries of a text, in order. */
export function entriesOf(text: string): string[] {
  return [...new Set(foldedWords(text).map(entryOf))].sort();
}

function entryOf(word: string): string {
  return word.slice(0, entryLength).toWellFormed();
}

/** The term that matches the words of an entry. If the cut split a surrogate pair, that last character is dropped, so any character matches there. */
export function startOf(entry: string): Term {
  const isPrefix = entry.length === entryLength;
  return { words: [entry.replace('\ufffd', '')], isPrefix };
}

/** The ranges in each of which a block must have an entry to have all the terms. */
export function wantedOf(terms: readonly Term[]): Wanted {
  const ranges = terms.flatMap(({ words, isPrefix }) =>
    words.map((word, index) => rangeOf(word, isPrefix && index === words.length - 1)),
  );
  // The longest words are the rarest. Filling a slot with the same range twice costs next to
  // nothing.
  ranges.sort((one, other) => other.low.length - one.low.length);
  const wanted = slots.flatMap((slot, index) => {
    const { low, high } = ranges[index % ranges.length] ?? all;
    return [
      [`low${slot}`, low],
      [`high${slot}`, high],
    ];
  });
  return Object.fromEntries(wanted) as Wanted;
}

interface Range {
  readonly low: string;
  readonly high: string;
}

const all: Range = { low: '', high: afterAll };

function rangeOf(word: string, mayGoOn: boolean): Range {
  const low = entryOf(word);
  return { low, high: mayGoOn && low.length < entryLength ? low + afterAll : low };
}

/** Adds entries to the vocabulary of a block. */
export async function learnWords(
  snapshot: Snapshot,
  block: number,
  words: Iterable<string>,
): Promise<void> {
  for (const word of words) await insertVocabulary(snapshot, { block, word });
}

/**
 * Adds the words of new messages to the vocabularies of some chats, while the unit has time.
 *
 * @returns the chats that are left.
 */
export async function extendVocabularies(
  unit: Unit,
  { chatIds }: { readonly chatIds: readonly number[] },
): Promise<number[]> {
  const left = [...chatIds];
  // A vocabulary has no words of messages that the index lacks: it is held to the index (stale.ts).
  if (!(await indexWaiting(unit))) return left;
  for (const chatId of chatIds) {
    const isDone = await inSteps(unit, messageStep, (limit) => extend(unit, { chatId, limit }));
    if (isDone) left.shift();
    if (!unit.hasTime()) break;
  }
  return left;
}

/** Does one step for a chat; returns 0 if nothing is left, and otherwise `limit`. */
async function extend(
  unit: Unit,
  { chatId, limit }: { readonly chatId: number; readonly limit: number },
): Promise<number> {
  const block = await findBlockBehind(unit, { chatId });
  if (block === undefined) return 0;
  const { firstId, knownTo, nextId } = block;
  // A rebuild has reset it; its words are from before.
  if (knownTo === 0 && (await clearSome(unit, firstId))) return limit;
  const texts = await listTextsBetween(unit, {
    chatId,
    first: Math.max(firstId, knownTo + 1),
    before: nextId ?? beyondIds,
    limit,
  });
  await learnWords(unit, firstId, entriesOf(texts.map(({ content }) => content).join('\n')));
  const last = texts.length === limit ? texts.at(-1)?.id : undefined;
  await setKnownTo(unit, { chatId, firstId, knownTo: last ?? endOf(block) });
  return limit;
}

/** The `knownTo` of a block whose messages are all covered. */
const endOf = ({ firstId, nextId, lastId }: Ends) =>
  nextId === null ? (lastId ?? firstId) : beyondIds;

interface Ends {
  readonly firstId: number;
  readonly nextId: number | null;
  readonly lastId: number | null;
}

/** Deletes some old words of a block; returns whether more may be left. */
async function clearSome(unit: Unit, block: number): Promise<boolean> {
  const deleted = await deleteSomeWordsOf(unit, { block, limit: entryStep });
  return deleted.length === entryStep;
}
