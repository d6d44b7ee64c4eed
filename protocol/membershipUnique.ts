/** What must differ between members, and who may have a rank (3-interface §3): rules of the list as a whole. */
import { toHex } from './bytes.ts';
import { type Member, MembershipError, type MembershipErrorCode } from './membershipTypes.ts';
import { reservedNames } from './roles.ts';

type Key = readonly [code: MembershipErrorCode, field: string, of: (member: Member) => string | undefined];

const uniqueKeys: readonly Key[] = [
  ['MEMBERSHIP_DUPLICATE_NAME', 'name', (member) => member.name],
  ['MEMBERSHIP_DUPLICATE_MAC', 'mac', (member) => toHex(member.mac)],
  ['MEMBERSHIP_DUPLICATE_RANK', 'rank', (member) => member.rank?.toString()],
  ['MEMBERSHIP_DUPLICATE_PEER', 'peer_id', (member) => member.peerId],
  ['MEMBERSHIP_DUPLICATE_NATS_KEY', 'nats_key', (member) => member.natsKey],
  ['MEMBERSHIP_DUPLICATE_KEX_KEY', 'kex_key', (member) => toHex(member.kexKey)],
];

const assertUnique = (members: readonly Member[], [code, field, keyOf]: Key): void => {
  const seen = new Set<string>();
  for (const [index, member] of members.entries()) {
    const value = keyOf(member);
    if (value === undefined) continue;
    if (seen.has(value)) throw new MembershipError(code, `members.${index}.${field}`, `${value} twice`, { value });
    seen.add(value);
  }
};

const assertMember = (member: Member, index: number, peerIds: ReadonlySet<string>): void => {
  const at = `members.${index}`;
  if (reservedNames.has(member.name)) {
    throw new MembershipError('MEMBERSHIP_NAME_RESERVED', `${at}.name`, `${member.name} is reserved`, {
      value: member.name,
    });
  }
  if (member.role === 'validator' && member.rank === undefined) {
    throw new MembershipError('MEMBERSHIP_RANK_MISSING', `${at}.rank`, `validator ${member.name} has none`);
  }
  if (member.role !== 'validator' && member.rank !== undefined) {
    throw new MembershipError('MEMBERSHIP_RANK_NOT_VALIDATOR', `${at}.rank`, `${member.name} is a ${member.role}`);
  }
  // A login signs whatever nonce a server sends, so a key that connects must never be one that signs messages.
  if (peerIds.has(member.natsKey)) {
    throw new MembershipError('MEMBERSHIP_SHARED_KEY', `${at}.nats_key`, 'is a member key too', {
      value: member.natsKey,
    });
  }
};

/** @throws MembershipError naming the first member that breaks a rule. */
export const assertUniqueMembers = (members: readonly Member[]): void => {
  const peerIds = new Set(members.map((member) => member.peerId));
  for (const [index, member] of members.entries()) assertMember(member, index, peerIds);
  for (const key of uniqueKeys) assertUnique(members, key);
};
