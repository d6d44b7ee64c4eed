/** Every message that is said or told between nodes, and which radio message it carries (3-interface §1–2). */

export interface TopicSpec {
  readonly summary: string;
  readonly mode: 'say' | 'tell';
  /** TLV type byte of the radio message. */
  readonly tlv: number;
}

export const topics = {
  'beacon.beacon': { summary: 'The signed time of the cluster, from its head.', mode: 'say', tlv: 0x01 },
  'election.coordinator': { summary: 'A validator leads from now on.', mode: 'say', tlv: 0x12 },
  'election.heartbeat': { summary: 'The head is alive.', mode: 'say', tlv: 0x13 },
  'election.election': { summary: 'A validator stands for election.', mode: 'tell', tlv: 0x10 },
  'election.answer': { summary: 'A stronger validator takes the election over.', mode: 'tell', tlv: 0x11 },
  'resync.request': { summary: 'Asks for the time, with a nonce.', mode: 'tell', tlv: 0x30 },
  'resync.reply': { summary: 'The time, proved fresh by the nonce.', mode: 'tell', tlv: 0x31 },
} as const satisfies Record<string, TopicSpec>;

export type Topic = keyof typeof topics;
