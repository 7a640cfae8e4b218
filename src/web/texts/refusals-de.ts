/**
 * The server's refusals in German by code, and its sentences about fields by their English text.
 */
import type { RefusalCode } from '../../errors.ts';

export const refusals: Record<RefusalCode, string> = {
  signed_out: 'Du bist nicht angemeldet. Melde dich zuerst an.',
  wrong_password: 'Name oder Passwort ist falsch.',
  account_disabled: 'Dieses Konto ist gesperrt. Frage die Person, die den Server betreibt.',
  wrong_current_password: 'Das aktuelle Passwort ist falsch.',
  registration_closed:
    'Dieser Server nimmt niemanden mehr auf. Frage die Person, die ihn betreibt, nach einem Konto.',
  invite_needed:
    'Auf diesem Server kann man sich nur mit einer Einladung registrieren. Bitte dort jemanden um eine.',
  setup_needed:
    'Dieser Server ist neu. Gib den Einrichtungscode ein, den er beim Start ausgegeben hat; er steht auch im Log, und snug setup-code gibt ihn noch einmal aus.',
  password_needed: 'Gib zur Bestätigung dein aktuelles Passwort ein.',
  name_taken: 'Dieser Name ist vergeben. Wähle einen anderen.',
  name_confusable: 'Dieser Name sieht aus wie der einer anderen Person. Wähle einen anderen.',
  name_mixed_scripts:
    'Der Name mischt Buchstaben verschiedener Schriften. Verwende die einer einzigen Schrift.',
  name_marks:
    'Der Name hat mehr Zeichen über oder unter den Buchstaben als üblich. Verwende je Buchstabe höchstens zwei.',
  name_reserved: 'Dieser Name ist reserviert. Wähle einen anderen.',
  email_taken: 'Diese E-Mail-Adresse wird schon verwendet. Nimm eine andere.',
  password_is_name:
    'Das Passwort darf weder der Name noch die E-Mail-Adresse sein. Wähle ein anderes.',
  password_common: 'Dieses Passwort gehört zu den häufigsten. Wähle ein anderes.',
  no_user: 'Dieses Konto gibt es nicht.',
  other_user: 'Du kannst nur dein eigenes Konto ändern und löschen.',
  not_admin: 'Das darf nur, wer diesen Server verwaltet.',
  own_account: 'Du kannst dein eigenes Konto nicht sperren.',
  no_session: 'Diese Sitzung gibt es nicht.',
  no_chat: 'Diesen Chat gibt es nicht.',
  not_member: 'Du bist nicht in diesem Chat. Bitte ein Mitglied, dich hinzuzufügen.',
  already_member: 'Diese Person ist schon im Chat.',
  no_member: 'Diese Person ist nicht im Chat.',
  not_owner: 'Das darf nur die Leitung dieses Chats.',
  last_owner: 'Ein Chat braucht eine Leitung. Gib sie zuerst an ein anderes Mitglied.',
  direct_chat: 'Ein Direktchat hat genau zwei Mitglieder, keine Rollen und keinen eigenen Titel.',
  direct_self: 'Direktnachrichten gehen an jemand anderen. Gib den Namen einer anderen Person ein.',
  nobody_there: 'Das Konto der anderen Person ist gelöscht oder gesperrt. Niemand würde das lesen.',
  removed:
    'Du wurdest aus diesem Chat entfernt. Bitte die Leitung des Chats, dich wieder hinzuzufügen.',
  user_removed:
    'Diese Person wurde aus dem Chat entfernt. Nur die Leitung kann sie wieder hinzufügen.',
  no_invite: 'Diese Einladung gibt es nicht, oder sie gilt nicht mehr. Bitte um eine neue.',
  no_contact:
    'Dieser Server nennt niemanden, dem man Schwachstellen meldet. Frage die Person, die ihn betreibt.',
  invite_too_long: 'Eine Einladung gilt höchstens ein Jahr. Wähle eine kürzere Zeit.',
  invite_too_large:
    'Die Einladung eines Mitglieds gilt höchstens 30 Tage und für höchstens 100 Personen. Bitte die Leitung des Chats um eine größere.',
  other_invite: 'Du kannst nur deine eigenen Einladungen widerrufen.',
  quota_chats:
    'Du hast so viele Chats angelegt, wie du darfst. Bitte die Person, die den Server betreibt, um mehr.',
  quota_open_chats:
    'Du hast so viele offene Chats angelegt, wie du darfst. Bitte die Person, die den Server betreibt, um mehr.',
  quota_memberships:
    'Du bist in so vielen Chats, wie du darfst. Verlasse einen, oder frage die Person, die den Server betreibt.',
  quota_invites:
    'Du hast so viele Einladungen, wie du darfst. Widerrufe eine, oder bitte die Person, die den Server betreibt, um mehr.',
  quota_texts:
    'Du hast an einem Tag so viel geschrieben, wie du darfst. Mache später weiter, oder frage die Person, die den Server betreibt.',
  quota_accounts:
    'Für heute sind genug neue Konten entstanden. Versuche es morgen wieder, oder frage die Person, die den Server betreibt.',
  no_message: 'Diese Nachricht gibt es in diesem Chat nicht.',
  other_sender: 'Du kannst nur deine eigenen Nachrichten bearbeiten und löschen.',
  bad_emoji: 'Eine Reaktion muss ein einzelnes Emoji sein.',
  too_many_emoji:
    'Diese Nachricht hat schon so viele verschiedene Reaktionen wie möglich. Nimm eine davon.',
  too_many_reactions:
    'Du kannst auf eine Nachricht mit höchstens 20 Emojis reagieren. Nimm zuerst eins zurück.',
  cross_site:
    'Diese Anfrage kommt von einer anderen Website. Öffne Snug selbst und versuche es erneut. Hast du das getan, muss die Person, die den Server betreibt, PUBLIC_URL auf seine Adresse setzen.',
  misdirected:
    'Der Server antwortet nicht auf diesen Namen. Wer ihn betreibt, kann PUBLIC_URL oder ALLOWED_HOSTS setzen.',
  no_route: 'An dieser Adresse ist nichts.',
  wrong_method: 'Von dieser Adresse kann man nur lesen, mit GET.',
  no_client: 'Der Client ist nicht gebaut. Führe npm run build aus und starte den Server neu.',
  bad_request: 'Die Anfrage war nicht zu verstehen. Prüfe ihre Kopfzeilen und ihre Syntax.',
  bad_url: 'Die Adresse war nicht zu lesen. Prüfe ihre Prozentzeichen; sie müssen UTF-8 ergeben.',
  bad_encoding: 'Der Text ist nicht in UTF-8, oder er enthält ein einzelnes Prozentzeichen.',
  bad_body: 'Der Inhalt der Anfrage war nicht zu lesen. Sende ein Formular oder ein JSON-Objekt.',
  body_type: 'Die Anfrage hat einen falschen Typ.',
  body_too_large: 'Das ist zu groß. Kürze es oder teile es auf.',
  headers_too_large: 'Die Kopfzeilen der Anfrage sind zu groß.',
  too_often: 'Zu viele Versuche. Warte einen Moment und versuche es erneut.',
  too_slow: 'Die Anfrage kam zu langsam an. Versuche es noch einmal.',
  busy: 'Der Server hat gerade viel zu tun. Versuche es gleich noch einmal.',
  disk_full: 'Der Server kann gerade nichts speichern. Versuche es später noch einmal.',
  disk_low:
    'Der Server hat kaum noch Platz und nimmt nur Löschungen an. Frage die Person, die ihn betreibt.',
  read_only: 'Vom Server kann gerade nur gelesen werden. Versuche es später noch einmal.',
  storage_failed:
    'Der Server kann seine Platte nicht mehr benutzen und beendet sich. Versuche es gleich noch einmal.',
  damaged: 'Die Daten dieses Servers sind beschädigt. Sie müssen aus einem Backup kommen.',
  upgrading: 'Der Server wird gerade aktualisiert. Versuche es in ein paar Minuten noch einmal.',
  stopping: 'Der Server hält gerade an. Versuche es gleich noch einmal.',
  internal: 'Auf dem Server ist etwas schiefgegangen. Versuche es später noch einmal.',
};

/** The sentences about invalid fields, as far as this client can cause them. */
export const fields: Readonly<Record<string, string>> = {
  'The name must have 1 to 32 visible characters, with single spaces only between words.':
    'Der Name muss 1 bis 32 sichtbare Zeichen haben; zwischen Wörtern darf ein Leerzeichen stehen.',
  'The e-mail address is not valid. Write it like alice@example.org.':
    'Die E-Mail-Adresse ist ungültig. Schreibe sie wie alice@example.org.',
  'The password must have 8 to 1024 characters.': 'Das Passwort muss 8 bis 1024 Zeichen haben.',
  'Enter the setup code as the server printed it.':
    'Gib den Einrichtungscode so ein, wie der Server ihn ausgegeben hat.',
  'Enter your current password too.': 'Gib auch dein aktuelles Passwort ein.',
  'Enter a new name, a new e-mail address, or both.':
    'Gib einen neuen Namen, eine neue E-Mail-Adresse oder beides ein.',
  'Enter your name as text of at most 1024 characters.':
    'Gib deinen Namen ein, mit höchstens 1024 Zeichen.',
  'Enter your password as text of at most 1024 characters.':
    'Gib dein Passwort ein, mit höchstens 1024 Zeichen.',
  'The title must have 1 to 100 visible characters on one line, and must not be blank.':
    'Der Titel muss 1 bis 100 sichtbare Zeichen haben, in einer Zeile.',
  'The content must have 1 to 4000 characters and must not be blank.':
    'Eine Nachricht muss 1 bis 4000 Zeichen haben und darf nicht leer sein.',
  'A reaction must be a single emoji.': refusals.bad_emoji,
  'The invite code is incomplete. Copy it again.':
    'Der Einladungscode ist nicht vollständig. Kopiere ihn noch einmal.',
  'Enter the text to search for in q, with at most 200 characters.':
    'Gib mit höchstens 200 Zeichen ein, was du suchst.',
};
