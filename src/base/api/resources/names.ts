// What names, labels and keys may look like: each rule gives what is wrong, in upstream's words; nothing when all is well.

type Rule = (value: string) => string[]

const explained = (what: string, pattern: string, examples: readonly string[] = []): string =>
  examples.length === 0
    ? `${what} (regex used for validation is '${pattern}')`
    : `${what} (e.g. ${examples.map((example) => `'${example}', `).join(' or ')}regex used for validation is '${pattern}')`

interface Shape {
  readonly maxBytes: number
  readonly pattern: string
  readonly what: string
  readonly examples?: readonly string[]
}

const tooLongText = (maxBytes: number): string => `must be no more than ${maxBytes} bytes`

const shapeRule = ({ maxBytes, pattern, what, examples }: Shape): Rule => {
  const regex = new RegExp(`^(?:${pattern})$`)
  const text = explained(what, pattern, examples)
  return (value) => [...(Buffer.byteLength(value) > maxBytes ? [tooLongText(maxBytes)] : []), ...(regex.test(value) ? [] : [text])]
}

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'

export const dns1123Label = shapeRule({
  maxBytes: 63,
  pattern: label,
  examples: ['my-name', '123-abc'],
  what: "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
})

export const dns1123Subdomain = shapeRule({
  maxBytes: 253,
  pattern: `${label}(\\.${label})*`,
  examples: ['example.com'],
  what: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
})

export const dns1035Label = shapeRule({
  maxBytes: 63,
  pattern: '[a-z]([-a-z0-9]*[a-z0-9])?',
  examples: ['my-name', 'abc-123'],
  what: "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
})

export const wildcardDns1123Subdomain = shapeRule({
  maxBytes: 253,
  pattern: `\\*\\.${label}(\\.${label})*`,
  examples: ['*.example.com'],
  what: "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
})

export const labelValue = shapeRule({
  maxBytes: 63,
  pattern: '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?',
  examples: ['MyValue', 'my_value', '12345'],
  what: "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
})

const configKeyShape = shapeRule({
  maxBytes: 253,
  pattern: '[-._a-zA-Z0-9]+',
  examples: ['key.name', 'KEY_NAME', 'key-name'],
  what: "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
})

/** A key of a ConfigMap or Secret: a plain file name. */
export const configKey: Rule = (value) => {
  if (value === '.' || value === '..') return [`must not be '${value}'`]
  return [...configKeyShape(value), ...(value.startsWith('..') ? ["must not start with '..'"] : [])]
}

export const envName: Rule = (value) =>
  /^[ -<>-~]+$/.test(value) ? [] : ["a valid environment variable name must consist only of printable ASCII characters other than '='"]

const nameWhat = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const namePattern = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const nameExamples = ['MyName', 'my.name', '123-abc']
const nameShape = shapeRule({ maxBytes: 63, pattern: namePattern, what: nameWhat, examples: nameExamples })

/** A label or annotation key: a name with an optional DNS prefix and '/'. */
export const qualifiedName: Rule = (value) => {
  const parts = value.split('/')
  if (parts.length > 2)
    return [`a qualified name ${explained(nameWhat, namePattern, nameExamples)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  const [prefix, name] = parts.length === 2 ? [parts[0]!, parts[1]!] : [undefined, parts[0]!]
  const ofPrefix = prefix === undefined ? [] : prefix === '' ? ['must be non-empty'] : dns1123Subdomain(prefix)
  const ofName = name === '' ? ['must be non-empty', ...nameShape(name)] : nameShape(name)
  return [...ofPrefix.map((text) => `prefix part ${text}`), ...ofName.map((text) => `name part ${text}`)]
}

/** The name of a container's port: an IANA service name. */
export const portName: Rule = (value) => [
  ...(Buffer.byteLength(value) > 15 ? [tooLongText(15)] : []),
  ...(/^[-a-z0-9]+$/.test(value) ? [] : ['must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)']),
  ...(/[a-z]/.test(value) ? [] : ['must contain at least one letter (a-z)']),
  ...(value.includes('--') ? ['must not contain consecutive hyphens'] : []),
  ...(value.startsWith('-') || value.endsWith('-') ? ['must not begin or end with a hyphen'] : []),
]

/** Anything that is one segment of a path. */
export const pathSegment: Rule = (value) => {
  if (value === '.' || value === '..') return [`may not be '${value}'`]
  return ['/', '%'].filter((character) => value.includes(character)).map((character) => `may not contain '${character}'`)
}
