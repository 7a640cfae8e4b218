/** The texts in the user's language: German, otherwise English. */
import { en, type Texts } from './en.ts';

export let texts: Texts = en;

/** Chooses by the browser's preferences; languages other than English are separate files. */
export async function chooseLanguage(): Promise<void> {
  const preferred = navigator.languages.map((tag) => tag.split('-')[0]);
  const first = preferred.find((language) => language === 'en' || language === 'de');
  if (first === 'de') texts = await import('./de.ts').then(({ de }) => de, keepEnglish);
  document.documentElement.lang = texts.language;
}

/** Falls back to English if the language cannot be loaded. */
function keepEnglish(): Texts {
  return en;
}
