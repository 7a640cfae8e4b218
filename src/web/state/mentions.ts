/** Finds mentions of a chat's members. */
import { computed, type ReadonlySignal } from '@preact/signals';
import { canonicalName } from '../../users/canonical.ts';
import { plainText } from '../lib/markdown.ts';
import { isCalled, MentionFinder, mayCall } from '../lib/mentions.ts';
import { account } from './account.ts';
import { areMembersLoaded, membersOf } from './members.ts';

const byChat = new Map<number, ReadonlySignal<MentionFinder>>();

/**
 * The mention finder of a chat, shared by all messages until the members change. Undefined for a
 * text without an @, as most are: it needs no redraw when they change.
 */
export function mentionsOf(chatId: number, text: string): MentionFinder | undefined {
  if (!/[@＠]/.test(text)) return undefined;
  let finder = byChat.get(chatId);
  if (finder === undefined) {
    finder = computed(() => new MentionFinder(membersOf(chatId).map((member) => member.name)));
    byChat.set(chatId, finder);
  }
  return finder.value;
}

/** A message of a chat in one line; names stay whole once the members are loaded. */
export function previewOf(chatId: number, text: string): string {
  return plainText(text, mentionsOf(chatId, text));
}

/** Whether a mention, with its @, mentions the user who is signed in. */
export function isOwnMention(mention: string): boolean {
  const own = account.value?.user.name;
  return own !== undefined && canonicalName(mention.slice(1)) === canonicalName(own);
}

/**
 * Whether a text in a chat mentions the user; undefined while that depends on members who are not
 * loaded yet, because "@ann lee" does not mention "ann" if "ann lee" is a member.
 */
export function isMentionedIn(chatId: number, text: string): boolean | undefined {
  const name = account.value?.user.name;
  if (name === undefined || !mayCall(text, name)) return false;
  if (!areMembersLoaded(chatId)) return undefined;
  const others = membersOf(chatId).map((member) => member.name);
  return isCalled(text, name, others);
}
