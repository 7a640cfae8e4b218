/** What only the owners of a chat may do. */
export interface Permissions {
  readonly ownersRename: boolean;
  /** Only owners may create invites and add people. */
  readonly ownersInvite: boolean;
}

/**
 * The permissions as in answers and events: a field is present only where it is limited to owners.
 */
export function permissionsToWire({ ownersRename, ownersInvite }: Permissions) {
  return {
    ...(ownersRename && { rename: 'owners' as const }),
    ...(ownersInvite && { invite: 'owners' as const }),
  };
}
