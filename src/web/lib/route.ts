/** Where one is in the client: the part of the address behind the #, which no server ever sees. */
import { computed, signal } from '@preact/signals';

export type Route =
  | { readonly name: 'home' }
  | { readonly name: 'chat'; readonly chatId: number; readonly messageId?: number }
  | { readonly name: 'members'; readonly chatId: number }
  | { readonly name: 'search'; readonly query: string; readonly chatId?: number }
  | { readonly name: 'directory' }
  | { readonly name: 'settings' }
  | { readonly name: 'invite'; readonly code: string };

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
    `#/search/${encodeURIComponent(query)}${chatId === undefined ? '' : `/${chatId}`}`,
  directory: '#/directory',
  settings: '#/settings',
  invite: (code: string) => `#/invite/${code}`,
};

export function go(path: string): void {
  location.hash = path;
}

/** Goes there without a step to come back to. */
export function replace(path: string): void {
  history.replaceState(null, '', path);
  hash.value = path;
}

function parse(text: string): Route {
  const [first, second = '', third] = text.replace(/^#\//, '').split('/');
  if (first === 'chats' && third === 'members') return { name: 'members', chatId: Number(second) };
  if (first === 'chats' && third) {
    return { name: 'chat', chatId: Number(second), messageId: Number(third) };
  }
  if (first === 'chats') return { name: 'chat', chatId: Number(second) };
  if (first === 'search') return parseSearch(second, third);
  if (first === 'directory' || first === 'settings') return { name: first };
  if (first === 'invite') return { name: 'invite', code: second };
  return { name: 'home' };
}

function parseSearch(query: string, chatId?: string): Route {
  const decoded = decodeURIComponent(query);
  return { name: 'search', query: decoded, ...(chatId && { chatId: Number(chatId) }) };
}
