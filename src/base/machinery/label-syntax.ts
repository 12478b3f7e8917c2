// What a label's key and value may look like (k8s.io/apimachinery/pkg/util/validation), with upstream's texts.

const qualifiedName = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

const qualifiedNameText =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const labelValueText =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
const subdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

/** Empty when `value` may be a label or annotation key. */
export function qualifiedNameFaults(value: string): string[] {
  const parts = value.split('/')
  if (parts.length > 2) return [`a qualified name ${qualifiedNameText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  const name = parts[parts.length - 1] ?? ''
  return [...(parts.length === 2 ? prefixFaults(parts[0] ?? '') : []), ...nameFaults(name)]
}

function prefixFaults(prefix: string): string[] {
  if (prefix === '') return ['prefix part must be non-empty']
  const faults = prefix.length > 253 ? ['prefix part must be no more than 253 bytes'] : []
  return subdomain.test(prefix) ? faults : [...faults, `prefix part ${subdomainText}`]
}

function nameFaults(name: string): string[] {
  if (name === '') return ['name part must be non-empty', `name part ${qualifiedNameText}`]
  const faults = name.length > 63 ? ['name part must be no more than 63 bytes'] : []
  return qualifiedName.test(name) ? faults : [...faults, `name part ${qualifiedNameText}`]
}

/** Empty when `value` may be a label's value. */
export function labelValueFaults(value: string): string[] {
  const faults = value.length > 63 ? ['must be no more than 63 bytes'] : []
  return labelValue.test(value) ? faults : [...faults, labelValueText]
}
