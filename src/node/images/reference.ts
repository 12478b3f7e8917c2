/** An image name in full, as Docker completes it: `nginx` is `docker.io/library/nginx:latest`. */
export interface Reference {
  /** Registry and repository. */
  readonly name: string
  readonly tag?: string
  readonly digest?: string
}

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const domain = /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d+)?$/
const tagForm = /^\w[\w.-]{0,127}$/
const digestForm = /^sha256:[0-9a-f]{64}$/

/** Throws for what Docker refuses as well. */
export function parseReference(text: string): Reference {
  const [beforeDigest = '', digest, ...more] = text.split('@')
  const colon = beforeDigest.lastIndexOf(':')
  const hasTag = colon > beforeDigest.lastIndexOf('/')
  const tag = hasTag ? beforeDigest.slice(colon + 1) : undefined
  const name = completeName(hasTag ? beforeDigest.slice(0, colon) : beforeDigest)
  if (!name || more.length > 0 || (tag !== undefined && !tagForm.test(tag)) || (digest !== undefined && !digestForm.test(digest))) {
    throw new Error(`couldn't parse image name "${text}": invalid reference format`)
  }
  const chosenTag = tag ?? (digest === undefined ? 'latest' : undefined)
  return { name, ...(chosenTag === undefined ? {} : { tag: chosenTag }), ...(digest === undefined ? {} : { digest }) }
}

export function normaliseReference(text: string): string {
  const { name, tag, digest } = parseReference(text)
  return `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

function completeName(name: string): string | undefined {
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(0, slash))
  const hasDomain = slash > 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase())
  const registry = hasDomain ? first.replace(/^index\.docker\.io$/, 'docker.io') : 'docker.io'
  const path = hasDomain ? name.slice(slash + 1) : name
  if (!domain.test(registry) || !path.split('/').every((part) => component.test(part))) return undefined
  return registry === 'docker.io' && !path.includes('/') ? `docker.io/library/${path}` : `${registry}/${path}`
}
