/**
 * The form in which names are compared: names that differ only in case, width or composition are
 * equal. NFKC and full case folding (Unicode 3.13, toNFKC_Casefold); JavaScript has no case
 * folding, but lower, upper and lower case again maps the same letters together, including ß, ẞ and
 * ς (only ẞ has no other upper case).
 */
export function canonicalName(name: string): string {
  return name.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase().normalize('NFKC');
}

/** The form in which e-mail addresses are compared; the schema allows only ASCII. */
export function canonicalEmail(email: string): string {
  return email.toLowerCase();
}
