import { useSignal } from '@preact/signals';
import { post, put, remove, unlessBroken } from '../lib/api.ts';
import { isolated } from '../lib/bidi.ts';
import { go, paths } from '../lib/route.ts';
import type { Chat, Member, Notify } from '../lib/wire.ts';
import { ownId } from '../state/account.ts';
import { chatOf, dropChat, isLoaded } from '../state/chats.ts';
import { useLoading } from '../state/failing.ts';
import { attempt } from '../state/failures.ts';
import { isOwner, loadMembers, membersOf } from '../state/members.ts';
import { texts } from '../texts/index.ts';
import { Avatar } from './avatar.tsx';
import { Deactivated } from './deactivated.tsx';
import { ErrorText } from './error-text.tsx';
import { Field, Form } from './form.tsx';
import { GonePane } from './gone.tsx';
import { Invites } from './invites.tsx';
import { Pane } from './pane.tsx';
import { askFirst } from './question.tsx';
import { Written } from './written.tsx';

/** The members of a chat, and its settings. */
export function MembersPane({ chatId }: { chatId: number }) {
  const chat = chatOf(chatId);
  const { error } = useLoading(() => loadMembers(chatId), [chatId]);
  if (chat === undefined) {
    if (isLoaded.value) return <GonePane chatId={chatId} />;
    return (
      <Pane title={texts.chat} back={paths.chat(chatId)}>
        <ErrorText of={error} />
      </Pane>
    );
  }
  const members = membersOf(chatId);
  const isOwned = isOwner(chatId);
  const mayInvite = !chat.direct && (isOwned || chat.invite !== 'owners');
  const mayRename = !chat.direct && (isOwned || chat.rename !== 'owners');
  return (
    <Pane title={chat.title} back={paths.chat(chatId)}>
      <NotifyChoice chatId={chatId} notify={chat.notify ?? 'all'} />
      <section class="card">
        <h2>{texts.memberCount(members.length)}</h2>
        <ErrorText of={error} />
        <ul class="people">
          {members.map((member) => (
            <MemberItem key={member.id} chatId={chatId} member={member} isOwned={isOwned} />
          ))}
        </ul>
        {mayInvite && <AddMember chatId={chatId} />}
      </section>
      {mayInvite && <Invites chatId={chatId} />}
      {mayRename && (
        <section class="card">
          <h2>{texts.rename}</h2>
          <Form
            action={texts.rename}
            done={texts.saved}
            onSubmit={(fields) => put(`/api/chats/${chatId}`, fields)}
          >
            <Field name="title" label={texts.title} defaultValue={chat.title} required />
          </Form>
        </section>
      )}
      {isOwned && !chat.direct && <Permissions chat={chat} />}
      <button type="button" class="danger" onClick={() => leave(chatId)}>
        {texts.leave}
      </button>
    </Pane>
  );
}

/** Adds a user by name, and confirms it while they are in the chat. */
function AddMember({ chatId }: { chatId: number }) {
  const added = useSignal<string | undefined>(undefined);
  const isThere = membersOf(chatId).some(({ id }) => String(id) === added.value);
  const add = async (fields: Record<string, string>) => {
    const location = await post(`/api/chats/${chatId}/members`, fields);
    added.value = location.split('/').at(-1);
    // The event adds the new member too, but the stream may be delayed.
    unlessBroken(loadMembers(chatId));
  };
  return (
    <Form action={texts.add} done={isThere ? texts.added : undefined} isCleared onSubmit={add}>
      <Field name="name" label={texts.addMember} autocomplete="off" required />
    </Form>
  );
}

function leave(chatId: number): void {
  askFirst({
    title: texts.leaveQuestion,
    detail: texts.leaveDetail,
    action: texts.leave,
    act: async () => {
      await remove(`/api/chats?chat_id=${chatId}`);
      dropChat(chatId, 'left');
      go(paths.home);
    },
  });
}

interface MemberProps {
  readonly chatId: number;
  readonly member: Member;
  /** Whether the reader is an owner of the chat. */
  readonly isOwned: boolean;
}

function MemberItem({ chatId, member, isOwned }: MemberProps) {
  const { id, name, role } = member;
  const path = `/api/chats/${chatId}/members`;
  const mayChange = isOwned && id !== ownId();
  const other = role === 'owner' ? 'member' : 'owner';
  const expel = () =>
    askFirst({
      title: texts.removeQuestion(isolated(name)),
      detail: texts.removeDetail,
      action: texts.removeMember,
      act: () => remove(`${path}?user_id=${id}`),
    });
  return (
    <li data-disabled={member.disabled ? '' : undefined}>
      <Avatar name={name} />
      <span class="name">
        <Written text={name} /> {id === ownId() && <small>{texts.you}</small>}
        {role === 'owner' && <small class="tag">{texts.owner}</small>}
        <Deactivated of={member} />
      </span>
      {mayChange && (
        <span class="actions">
          <button type="button" onClick={() => attempt(put(`${path}/${id}`, { role: other }))}>
            {other === 'owner' ? texts.makeOwner : texts.makeMember}
          </button>
          <button type="button" onClick={expel}>
            {texts.removeMember}
          </button>
        </span>
      )}
    </li>
  );
}

/** The permissions that owners can limit to owners. */
function Permissions({ chat }: { chat: Chat }) {
  const set = (fields: Record<string, string>) => put(`/api/chats/${chat.id}/permissions`, fields);
  const who = [
    ['everybody', texts.everybody],
    ['owners', texts.onlyOwners],
  ] as const;
  return (
    <section class="card">
      <h2>{texts.permissions}</h2>
      <Choice
        label={texts.whoMayRename}
        options={who}
        chosen={chat.rename ?? 'everybody'}
        onChoose={(rename) => set({ rename })}
      />
      <Choice
        label={texts.whoMayInvite}
        options={who}
        chosen={chat.invite ?? 'everybody'}
        onChoose={(invite) => set({ invite })}
      />
    </section>
  );
}

function NotifyChoice({ chatId, notify }: { chatId: number; notify: Notify }) {
  const levels = [
    ['all', texts.notifyAll],
    ['mentions', texts.notifyMentions],
    ['nothing', texts.notifyNothing],
  ] as const;
  return (
    <Choice
      label={texts.notifications}
      options={levels}
      chosen={notify}
      onChoose={(level) => put(`/api/chats/${chatId}/notify`, { notify: level })}
    />
  );
}

interface ChoiceProps<Value extends string> {
  readonly label: string;
  /** Each value and its label. */
  readonly options: readonly (readonly [Value, string])[];
  readonly chosen: Value;
  readonly onChoose: (value: Value) => Promise<void>;
}

/** A choice of one value, saved at once. */
function Choice<Value extends string>({ label, options, chosen, onChoose }: ChoiceProps<Value>) {
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      {options.map(([value, name]) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === chosen}
          onClick={() => attempt(onChoose(value))}
        >
          {name}
        </button>
      ))}
    </fieldset>
  );
}
