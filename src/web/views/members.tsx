import { useEffect } from 'preact/hooks';
import { post, put, remove } from '../lib/api.ts';
import { go, paths } from '../lib/route.ts';
import type { Member, Notify } from '../lib/wire.ts';
import { ownId } from '../state/account.ts';
import { chatOf, dropChat } from '../state/chats.ts';
import { isOwner, loadMembers, membersOf } from '../state/members.ts';
import { texts } from '../texts/index.ts';
import { Avatar } from './avatar.tsx';
import { Field, Form } from './form.tsx';
import { Invites } from './invites.tsx';
import { Pane } from './pane.tsx';
import { Written } from './written.tsx';

/** Who is in a chat, and what one can do with it. */
export function MembersPane({ chatId }: { chatId: number }) {
  const chat = chatOf(chatId);
  useEffect(() => {
    loadMembers(chatId).catch(() => {});
  }, [chatId]);
  if (chat === undefined) return null;
  const members = membersOf(chatId);
  return (
    <Pane title={chat.title} back={paths.chat(chatId)}>
      <NotifyChoice chatId={chatId} notify={chat.notify ?? 'all'} />
      <section class="card">
        <h3>{texts.memberCount(members.length)}</h3>
        <ul class="people">
          {members.map((member) => (
            <MemberItem key={member.id} chatId={chatId} member={member} />
          ))}
        </ul>
        {!chat.direct && (
          <Form
            action={texts.add}
            onSubmit={(fields) => post(`/api/chats/${chatId}/members`, fields)}
          >
            <Field name="name" label={texts.addMember} autocomplete="off" required />
          </Form>
        )}
      </section>
      {!chat.direct && <Invites chatId={chatId} />}
      {!chat.direct && (
        <section class="card">
          <h3>{texts.rename}</h3>
          <Form
            action={texts.rename}
            done={texts.saved}
            onSubmit={(fields) => put(`/api/chats/${chatId}`, fields)}
          >
            <Field name="title" label={texts.title} defaultValue={chat.title} required />
          </Form>
        </section>
      )}
      <button type="button" class="danger" onClick={() => leave(chatId)}>
        {texts.leave}
      </button>
    </Pane>
  );
}

async function leave(chatId: number): Promise<void> {
  if (!confirm(texts.leaveQuestion)) return;
  await remove(`/api/chats?chat_id=${chatId}`);
  dropChat(chatId);
  go(paths.home);
}

function MemberItem({ chatId, member }: { chatId: number; member: Member }) {
  const { id, name, role } = member;
  const path = `/api/chats/${chatId}/members`;
  const mayChange = isOwner(chatId) && id !== ownId();
  const other = role === 'owner' ? 'member' : 'owner';
  return (
    <li>
      <Avatar id={id} name={name} />
      <span class="name">
        <Written text={name} /> {id === ownId() && <small>{texts.you}</small>}
        {role === 'owner' && <small class="tag">{texts.owner}</small>}
      </span>
      {mayChange && (
        <span class="actions">
          <button type="button" onClick={() => put(`${path}/${id}`, { role: other })}>
            {other === 'owner' ? texts.makeOwner : texts.makeMember}
          </button>
          <button type="button" onClick={() => remove(`${path}?user_id=${id}`)}>
            {texts.removeMember}
          </button>
        </span>
      )}
    </li>
  );
}

function NotifyChoice({ chatId, notify }: { chatId: number; notify: Notify }) {
  const levels = [
    ['all', texts.notifyAll],
    ['mentions', texts.notifyMentions],
    ['nothing', texts.notifyNothing],
  ] as const;
  return (
    <fieldset class="choice">
      <legend>{texts.notifications}</legend>
      {levels.map(([level, label]) => (
        <button
          key={level}
          type="button"
          aria-pressed={notify === level}
          onClick={() => put(`/api/chats/${chatId}/notify`, { notify: level })}
        >
          {label}
        </button>
      ))}
    </fieldset>
  );
}
