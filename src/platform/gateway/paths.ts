export type PathType = 'Exact' | 'Prefix'

/** Says whether a path of an Ingress covers a request's path; the groups are those of a regular expression. */
export type PathMatcher = (path: string) => { readonly groups: readonly string[] } | undefined

const covered = { groups: [] }

/** Upstream's rules: Exact is the same string, case and trailing slash included; Prefix compares element by element. */
export const pathMatcher = (path: string, type: PathType): PathMatcher => {
  if (type === 'Exact') return (candidate) => (candidate === path ? covered : undefined)
  const base = withoutTrailingSlash(path)
  return (candidate) => (candidate === base || candidate.startsWith(`${base}/`) ? covered : undefined)
}

/** As ingress-nginx does: anchored at the start, without regard to case. An expression that does not compile is taken literally. */
export const regexMatcher = (path: string): PathMatcher => {
  let expression: RegExp
  try {
    expression = new RegExp(`^${path}`, 'i')
  } catch {
    return pathMatcher(path, 'Prefix')
  }
  return (candidate) => {
    const match = expression.exec(candidate)
    return match ? { groups: [...match].map((group) => group ?? '') } : undefined
  }
}

export const withoutTrailingSlash = (path: string): string => (path.endsWith('/') ? path.slice(0, -1) : path)

/** The path to match a request target by: without query, decoded, dot segments resolved, slashes merged. The target itself is sent on as it came. */
export const normalizePath = (target: string): string => {
  const path = pathAndQuery(target).split(/[?#]/, 1)[0] || '/'
  if (!/%|\/\.|\/\//.test(path)) return path
  const elements: string[] = []
  const parts = decoded(path).split('/').slice(1)
  for (const part of parts) {
    if (part === '..') elements.pop()
    else if (part !== '' && part !== '.') elements.push(part)
  }
  const isFolder = ['', '.', '..'].includes(parts.at(-1) ?? '')
  return `/${elements.join('/')}${isFolder && elements.length > 0 ? '/' : ''}`
}

/** A request target in origin form: proxies' absolute form loses its authority, `*` becomes the root. */
export const pathAndQuery = (target: string): string => {
  if (target.startsWith('/')) return target
  if (!URL.canParse(target)) return '/'
  const url = new URL(target)
  return url.pathname + url.search
}

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** A Host header as routes know it: without port and trailing dot, in lower case. */
export const normalizeHost = (host: string): string => {
  const name = host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : host.split(':', 1)[0]!
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
}
