import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, idIn, post } from '../lib/api.ts';
import { isolated } from '../lib/bidi.ts';
import { paths, replace } from '../lib/route.ts';
import type { InvitedTo } from '../lib/wire.ts';
import { chatOf, isLoaded, loadChats } from '../state/chats.ts';
import { useLoading } from '../state/failing.ts';
import { texts } from '../texts/index.ts';
import { ErrorText } from './error-text.tsx';
import { Form } from './form.tsx';
import { Pane } from './pane.tsx';

/** Shows the chat that an invite leads to, with a button to join it. */
export function InvitePane({ code }: { code: string }) {
  const invite = useSignal<InvitedTo | undefined>(undefined);
  const path = `/api/invites/${encodeURIComponent(code)}`;
  const { error } = useLoading(
    async (isCurrent) => {
      const answer = await get<{ invite: InvitedTo }>(path, 'invite');
      if (isCurrent()) invite.value = answer.invite;
    },
    [code],
  );
  const chatId = invite.value?.chat_id;
  const isMember = isLoaded.value && chatId !== undefined && chatOf(chatId) !== undefined;
  useEffect(() => {
    if (isMember && chatId !== undefined) replace(paths.chat(chatId));
  }, [isMember]);
  const join = async () => {
    const location = await post(path);
    await loadChats();
    replace(paths.chat(idIn(location)));
  };
  return (
    <Pane title={texts.invites}>
      <ErrorText of={error} />
      {invite.value !== undefined && (
        <section class="card">
          <h2>{texts.invitedTo(isolated(invite.value.title))}</h2>
          <p>{texts.memberCount(invite.value.members)}</p>
          <Form action={texts.join} onSubmit={join}>
            {null}
          </Form>
        </section>
      )}
    </Pane>
  );
}
