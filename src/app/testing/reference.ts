import type { Kind } from '../../base/api/kind.ts'
import type { ObjectRef } from '../../base/client/client.ts'

export interface Reference {
  readonly kind: Kind
  readonly ref: ObjectRef
}

const namesOf = ({ plural, singular, shortNames, kind, group }: Kind): string[] => {
  const names = [plural, singular, ...shortNames, kind.toLowerCase()]
  return group ? [...names, ...names.map((name) => `${name}.${group}`)] : names
}

/** Reads `deployment/web`, `deploy/web` or `deployments.apps/web`, as kubectl does. Throws for a kind that is not among `kinds`. */
export function parseReference(text: string, { kinds, namespace = 'default' }: { kinds: readonly Kind[]; namespace?: string | undefined }): Reference {
  const [word = '', name = '', ...rest] = text.split('/')
  if (word === '' || name === '' || rest.length > 0) throw new TypeError(`${JSON.stringify(text)} names no object: write it as "deployment/web"`)
  const kind = kinds.find((candidate) => namesOf(candidate).includes(word.toLowerCase()))
  if (!kind) throw new TypeError(`the cluster serves no kind called ${JSON.stringify(word)}`)
  return { kind, ref: { name, ...(kind.namespaced ? { namespace } : {}) } }
}
