/** The current place in the client: the fragment of the address, which no server ever sees. */
import { computed, signal } from '@preact/signals';

export type Route =
  | { readonly name: 'home' }
  | { readonly name: 'chat'; readonly chatId: number; readonly messageId?: number }
  | { readonly name: 'members'; readonly chatId: number }
  | { readonly name: 'search'; readonly query: string; readonly chatId?: number }
  | { readonly name: 'directory' }
  | { readonly name: 'settings' }
  | { readonly name: 'invite'; readonly code: string }
  | { readonly name: 'setup'; readonly code: string };

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});

export const route = computed(() => parse(hash.value));

export const paths = {
  home: '#/',
  chat: (id: number) => `#/chats/${id}`,
  message: (chatId: number, id: number) => `#/chats/${chatId}/${id}`,
  members: (id: number) => `#/chats/${id}/members`,
  search: (query: string, chatId?: number) =>
    `#/search/${encodeURIComponent(query.toWellFormed())}${chatId === undefined ? '' : `/${chatId}`}`,
  directory: '#/directory',
  settings: '#/settings',
  invite: (code: string) => `#/invite/${code}`,
};

export function go(path: string): void {
  location.hash = path;
}

/** Goes to a path without adding an entry to the history. */
export function replace(path: string): void {
  history.replaceState(null, '', path);
  hash.value = path;
}

/** The route of an address; home for an unknown one. */
function parse(text: string): Route {
  const [first, second = '', third = ''] = text.replace(/^#\/?/, '').split('/');
  if (first === 'chats') return parseChat(second, third);
  if (first === 'search') return { name: 'search', query: decode(second), ...optionalChat(third) };
  if (first === 'directory' || first === 'settings') return { name: first };
  if (first === 'invite' || first === 'setup') return { name: first, code: second };
  return { name: 'home' };
}

function parseChat(chat: string, place: string): Route {
  const chatId = parseId(chat);
  const messageId = parseId(place);
  if (chatId === undefined) return { name: 'home' };
  if (place === 'members') return { name: 'members', chatId };
  return { name: 'chat', chatId, ...(messageId !== undefined && { messageId }) };
}

function optionalChat(text: string): { readonly chatId?: number } {
  const chatId = parseId(text);
  return chatId === undefined ? {} : { chatId };
}

/** An id in plain digits, as the server has it. */
function parseId(text: string): number | undefined {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}

/** Returns a badly encoded part unchanged. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
