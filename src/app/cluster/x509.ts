// Just enough of X.509 (RFC 5280) to issue ECDSA certificates: a library for all of it took a tenth of a second of every first start.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'

export interface CertificateAuthority {
  readonly certificate: X509Certificate
  readonly key: KeyObject
}

export interface SubjectName {
  readonly type: 'dns' | 'ip'
  /** A DNS name, or an IPv4 address. */
  readonly value: string
}

interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

type Issued = { readonly certificate: X509Certificate; readonly key: KeyObject }

/** A root of its own name and key. */
export function issueAuthority({ commonName, ...validity }: Validity & { readonly commonName: string }): Issued {
  const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = nameOf([{ oid: oids.commonName, value: commonName }])
  const extensions = [
    extension(oids.basicConstraints, sequence(der(tags.boolean, Buffer.of(0xff))), { critical: true }),
    extension(oids.keyUsage, keyUsage.authority, { critical: true }),
    extension(oids.subjectKeyIdentifier, der(tags.octetString, keyIdentifier(publicKey))),
  ]
  return { certificate: signed({ ...validity, issuer: name, subject: name, publicKey, extensions, signingKey: key }), key }
}

export interface LeafRequest extends Validity {
  readonly authority: CertificateAuthority
  /** `CN`, and an `O` for each group. */
  readonly user: string
  readonly groups: readonly string[]
  /** Of a server; a client's certificate has none. */
  readonly names?: readonly SubjectName[] | undefined
}

/** A certificate for a server (with names) or for a client, with a new key. */
export function issueLeaf({ authority, user, groups, names, notBefore, notAfter }: LeafRequest): Issued {
  const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const authorityKey = der(tags.context(0, false), keyIdentifier(authority.certificate.publicKey))
  const extensions = [
    extension(oids.keyUsage, keyUsage.leaf, { critical: true }),
    extension(oids.extendedKeyUsage, sequence(oid(names ? oids.serverAuth : oids.clientAuth))),
    extension(oids.authorityKeyIdentifier, sequence(authorityKey)),
    ...(names ? [extension(oids.subjectAltName, sequence(...names.map(generalName)))] : []),
  ]
  const subject = nameOf([...groups.map((value) => ({ oid: oids.organization, value })), { oid: oids.commonName, value: user }])
  const issuer = subjectBytes(authority.certificate)
  return { certificate: signed({ issuer, subject, notBefore, notAfter, publicKey, extensions, signingKey: authority.key }), key }
}

const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  context: (number: number, constructed: boolean) => 0x80 | (constructed ? 0x20 : 0) | number,
}

/** One value in DER: tag, length, content. */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content)
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body])
  const length = body.length < 0x100 ? Buffer.of(0x81, body.length) : Buffer.of(0x82, body.length >> 8, body.length & 0xff)
  return Buffer.concat([Buffer.of(tag), length, body])
}

const sequence = (...content: readonly Buffer[]) => der(tags.sequence, ...content)
const bitString = (bits: Buffer, unused = 0) => der(tags.bitString, Buffer.of(unused), bits)

/** Bit 0 is the highest: digitalSignature; an authority also has keyCertSign (5) and cRLSign (6). */
const keyUsage = { leaf: bitString(Buffer.of(0x80), 7), authority: bitString(Buffer.of(0x86), 1) }

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  return der(tags.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** Seven bits a byte, highest first; all but the last have the top bit set. */
function base128(value: number): number[] {
  const bytes = [value & 0x7f]
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80)
  return bytes
}

/** Two digits of the year up to 2049, four from then on (RFC 5280, 4.1.2.5). */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, '')
  return date.getUTCFullYear() < 2050 ? der(tags.utcTime, Buffer.from(digits.slice(2))) : der(tags.generalizedTime, Buffer.from(digits))
}

const nameOf = (parts: readonly { readonly oid: string; readonly value: string }[]): Buffer =>
  sequence(...parts.map((part) => der(tags.set, sequence(oid(part.oid), der(tags.utf8String, Buffer.from(part.value))))))

const generalName = ({ type, value }: SubjectName): Buffer =>
  type === 'dns' ? der(tags.context(2, false), Buffer.from(value)) : der(tags.context(7, false), Buffer.from(value.split('.').map(Number)))

const extension = (id: string, value: Buffer, { critical = false } = {}): Buffer =>
  sequence(oid(id), ...(critical ? [der(tags.boolean, Buffer.of(0xff))] : []), der(tags.octetString, value))

const pointBytes = 65

/** SHA-1 of the public key's bits, which are the last of its encoding (RFC 5280, 4.2.1.2). */
const keyIdentifier = (key: KeyObject): Buffer =>
  createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }).subarray(-pointBytes))
    .digest()

/** Positive and of sixteen bytes: the first is neither zero nor has its top bit set. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return der(tags.integer, bytes)
}

interface ToSign extends Validity {
  readonly issuer: Buffer
  readonly subject: Buffer
  readonly publicKey: KeyObject
  readonly extensions: readonly Buffer[]
  readonly signingKey: KeyObject
}

const version3 = der(tags.context(0, true), der(tags.integer, Buffer.of(2)))

function signed({ issuer, subject, notBefore, notAfter, publicKey, extensions, signingKey }: ToSign): X509Certificate {
  const algorithm = sequence(oid(oids.ecdsaWithSha256))
  const validity = sequence(time(notBefore), time(notAfter))
  const key = publicKey.export({ type: 'spki', format: 'der' })
  const content = sequence(version3, serialNumber(), algorithm, issuer, validity, subject, key, der(tags.context(3, true), sequence(...extensions)))
  return new X509Certificate(sequence(content, algorithm, bitString(sign('sha256', content, signingKey))))
}

/** The subject as the certificate encodes it: an issuer's name is compared byte by byte. */
function subjectBytes({ raw }: X509Certificate): Buffer {
  const [content] = children(raw)
  const fields = children(content!)
  // Version, serial number, algorithm, issuer, validity.
  return fields[5]!
}

/** The values inside a constructed value. */
function children(value: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = extent(value, 0).start, end = extent(value, 0).end; at < end;) {
    const inner = extent(value, at)
    found.push(value.subarray(at, inner.end))
    at = inner.end
  }
  return found
}

/** Where the content of the value at `at` starts and ends. */
function extent(bytes: Buffer, at: number): { readonly start: number; readonly end: number } {
  const first = bytes[at + 1]!
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes)
  const start = at + 2 + lengthBytes
  return { start, end: start + length }
}
