/** A disabled account as other people are shown it: the field is there only where it applies. */
export function disabledToWire({ disabledAt }: { readonly disabledAt: number | null }) {
  return disabledAt === null ? {} : { disabled: true as const };
}
