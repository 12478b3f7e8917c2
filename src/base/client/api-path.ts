import type { Kind } from '../api/kind.ts'

/** Where the API serves a kind, an object, or an object's subresource. */
export const apiPath = (kind: Kind, ref: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined } = {}): string => {
  const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
  const scope = kind.namespaced && ref.namespace ? `/namespaces/${encodeURIComponent(ref.namespace)}` : ''
  const name = ref.name === undefined ? '' : `/${encodeURIComponent(ref.name)}`
  return `${root}${scope}/${kind.plural}${name}${ref.subresource ? `/${ref.subresource}` : ''}`
}

export const queryOf = (parameters: Readonly<Record<string, string | number | boolean | undefined>>): string => {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined && value !== '') query.set(name, String(value))
  const text = query.toString()
  return text ? `?${text}` : ''
}
