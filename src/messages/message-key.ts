import { chatKey } from '../members/chat-key.ts';

/** A message and the user who asks for it. */
export function messageKey(request: {
  readonly params: { readonly chat_id: string; readonly id: string };
  readonly session: { readonly userId: number };
}) {
  return { ...chatKey(request), id: Number(request.params.id) };
}
