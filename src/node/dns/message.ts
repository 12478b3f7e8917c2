import { AUTHORITATIVE_ANSWER, decode, encode, RECURSION_AVAILABLE, RECURSION_DESIRED, TRUNCATED_RESPONSE, type Answer, type DecodedPacket } from 'dns-packet'

export type Rcode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'NOTIMP'

const codes: Readonly<Record<Rcode, number>> = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4 }

export interface Reply {
  readonly rcode: Rcode
  readonly authoritative: boolean
  readonly answers?: readonly Answer[]
  readonly authorities?: readonly Answer[]
  readonly additionals?: readonly Answer[]
}

// RFC 6891 and the DNS flag day's advice: large enough for most, small enough not to be fragmented.
const ownPayloadSize = 1232

interface OptRecord {
  readonly type: 'OPT'
  readonly udpPayloadSize: number
}

const optOf = (query: DecodedPacket): OptRecord | undefined => query.additionals?.find((each) => each.type === 'OPT') as OptRecord | undefined

/** What the asker takes by UDP. */
export const payloadSizeOf = (query: DecodedPacket): number => Math.max(512, Math.min(optOf(query)?.udpPayloadSize ?? 512, 4096))

export const encodeReply = (query: DecodedPacket, reply: Reply): Buffer => {
  const edns = optOf(query)
    ? [{ type: 'OPT', name: '.', udpPayloadSize: ownPayloadSize, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] } as unknown as Answer]
    : []
  const flags = RECURSION_AVAILABLE | (reply.authoritative ? AUTHORITATIVE_ANSWER : 0) | ((query.flags ?? 0) & RECURSION_DESIRED) | codes[reply.rcode]
  return encode({
    type: 'response',
    id: query.id ?? 0,
    flags,
    questions: query.questions ?? [],
    answers: [...(reply.answers ?? [])],
    authorities: [...(reply.authorities ?? [])],
    additionals: [...(reply.additionals ?? []), ...edns],
  })
}

/** For UDP: a message that is too long becomes its head with the TC bit, so that the asker comes back by TCP. */
export const fitTo = (message: Buffer, size: number, query: DecodedPacket): Buffer => {
  if (message.length <= size) return message
  const flags = message.readUInt16BE(2) & 0x7fff
  return encode({ type: 'response', id: query.id ?? 0, flags: flags | TRUNCATED_RESPONSE, questions: query.questions ?? [] })
}

/** The query, or what to answer to a message that is none; nothing for noise and for answers. */
export const readQuery = (message: Buffer): { readonly query?: DecodedPacket; readonly error?: Buffer } => {
  if (message.length < 12 || (message[2]! & 0x80) !== 0) return {}
  try {
    const query = decode(message)
    if ((query as { opcode?: string }).opcode !== 'QUERY') return { error: encodeReply({ ...query, questions: [] }, { rcode: 'NOTIMP', authoritative: false }) }
    if (query.questions?.length !== 1) return { error: encodeReply(query, { rcode: 'FORMERR', authoritative: false }) }
    return { query }
  } catch {
    return { error: encode({ type: 'response', id: message.readUInt16BE(0), flags: codes.FORMERR }) }
  }
}
