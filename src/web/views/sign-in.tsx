import { useSignal } from '@preact/signals';
import { paths, replace, route } from '../lib/route.ts';
import { register, signIn } from '../state/account.ts';
import { chats, loadChats } from '../state/chats.ts';
import { texts } from '../texts/index.ts';
import { Field, Form } from './form.tsx';
import { Logo } from './icons.tsx';

const { registration, fresh } = document.documentElement.dataset;

/** Sign in or register; by an invite link, with its code filled in. */
export function SignIn() {
  const here = route.value;
  const code = here.name === 'invite' ? here.code : undefined;
  const isNew = useSignal(fresh === 'yes' || code !== undefined);
  return (
    <main class="sign-in">
      <header>
        <Logo />
        <h1>{texts.appName}</h1>
        <p>{texts.welcome}</p>
      </header>
      {fresh === 'yes' && <p class="note">{texts.firstVisit}</p>}
      {code !== undefined && <p class="note">{texts.invitedUnknown}</p>}
      {isNew.value ? <Register code={code} /> : <KnownUser />}
      {registration !== 'closed' && (
        <button type="button" class="link" onClick={() => (isNew.value = !isNew.value)}>
          {isNew.value ? texts.knownHere : texts.newHere}
        </button>
      )}
    </main>
  );
}

function KnownUser() {
  return (
    <Form
      action={texts.signIn}
      onSubmit={({ name = '', password = '' }) => signIn(name, password)}
      key="sign-in"
    >
      <Field name="name" label={texts.name} autocomplete="username" required />
      <Field
        name="password"
        label={texts.password}
        type="password"
        autocomplete="current-password"
        required
      />
    </Form>
  );
}

function Register({ code }: { code: string | undefined }) {
  const asksForCode = registration === 'invite' && fresh !== 'yes';
  const submit = async (fields: Record<string, string>) => {
    await register(fields);
    if (fields.invite !== undefined) await enterFirstChat();
  };
  return (
    <Form action={texts.register} onSubmit={submit} key="register">
      <Field name="name" label={texts.name} autocomplete="username" required />
      <Field name="email" label={texts.email} type="email" autocomplete="email" required />
      <Field
        name="password"
        label={texts.password}
        type="password"
        autocomplete="new-password"
        minLength={8}
        hint={texts.passwordHint}
        required
      />
      {(asksForCode || code !== undefined) && (
        <Field
          name="invite"
          label={texts.inviteCode}
          hint={texts.inviteHint}
          defaultValue={code}
          autocomplete="off"
        />
      )}
    </Form>
  );
}

/** Who registers by an invite is in its chat, and the invite may be used up. */
async function enterFirstChat(): Promise<void> {
  replace(paths.home);
  await loadChats();
  const [first] = chats.value;
  if (first !== undefined) replace(paths.chat(first.id));
}
