import { useSignal } from '@preact/signals';
import { ask, nextPage, post } from '../lib/api.ts';
import { go, paths } from '../lib/route.ts';
import type { OpenChat } from '../lib/wire.ts';
import { account } from '../state/account.ts';
import { chatOf, loadChats } from '../state/chats.ts';
import { useLoading } from '../state/failing.ts';
import { texts } from '../texts/index.ts';
import { Avatar } from './avatar.tsx';
import { ErrorText } from './error-text.tsx';
import { Pane } from './pane.tsx';
import { Written } from './written.tsx';

/** The chats that anyone may join. */
export function DirectoryPane() {
  const open = useSignal<readonly OpenChat[] | undefined>(undefined);
  const next = useSignal<string | undefined>('/api/directory');
  const more = async () => {
    if (next.value === undefined) return;
    const { body, headers } = await ask<{ chats: OpenChat[] }>('GET', next.value, undefined, {
      has: 'chats',
    });
    open.value = [...(open.value ?? []), ...body.chats];
    next.value = nextPage(headers);
  };
  const join = async (id: number) => {
    await post(`/api/chats/${id}/members`, { name: account.value?.user.name ?? '' });
    await loadChats();
    go(paths.chat(id));
  };
  const { error, attempt } = useLoading(more, []);
  return (
    <Pane title={texts.directory}>
      <ErrorText of={error} />
      {open.value?.length === 0 && <p class="empty">{texts.noOpenChats}</p>}
      <ul class="people">
        {open.value?.map(({ id, title, members }) => (
          <li key={id}>
            <Avatar chat={{ id }} name={title} />
            <span class="name">
              <Written text={title} /> <small>{texts.memberCount(members)}</small>
            </span>
            {chatOf(id) === undefined ? (
              <button type="button" onClick={() => attempt(join(id))}>
                {texts.join}
              </button>
            ) : (
              <a class="button" href={paths.chat(id)}>
                {texts.open}
              </a>
            )}
          </li>
        ))}
      </ul>
      {open.value !== undefined && next.value !== undefined && (
        <button type="button" onClick={() => attempt(more())}>
          {texts.more}
        </button>
      )}
    </Pane>
  );
}
