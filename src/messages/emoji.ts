/** One form for each emoji, on the server and in the client. */

/**
 * An emoji in its fully qualified form (Unicode Technical Standard 51, ED-18): U+FE0F follows each
 * character that would otherwise be shown as text, and no others. Phones and programs leave it out
 * or add it where it is not needed; in this form, emoji that look the same count as one reaction.
 */
export function qualifiedEmoji(text: string): string {
  return text
    .replaceAll('\ufe0f', '')
    .replace(/(?!\p{Emoji_Presentation})\p{Emoji}(?!\p{Emoji_Modifier})/gu, '$&\ufe0f');
}
