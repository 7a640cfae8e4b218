/** A chat and the user who asks for it, which is what every right in a chat depends on. */
export function chatKey(request: {
  readonly params: { readonly chat_id: string };
  readonly session: { readonly userId: number };
}) {
  return { chatId: Number(request.params.chat_id), userId: request.session.userId };
}
