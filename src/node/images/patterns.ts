/** Globs of Dockerfiles: `*`, `?`, `[...]` within a name, `**` across names; a backslash takes the next character as it is. */
export function globToRegExp(pattern: string): RegExp {
  let out = ''
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!
    if (char === '*' && pattern[at + 1] === '*') {
      const slash = pattern[at + 2] === '/'
      out += slash ? '(?:.*/)?' : '.*'
      at += slash ? 2 : 1
    } else if (char === '*') out += '[^/]*'
    else if (char === '?') out += '[^/]'
    else if (char === '[' && pattern.indexOf(']', at + 1) > at) {
      const end = pattern.indexOf(']', at + 1)
      out += `[${pattern.slice(at + 1, end).replaceAll('\\', '\\\\')}]`
      at = end
    } else if (char === '\\' && at + 1 < pattern.length) out += literal(pattern[++at]!)
    else out += literal(char)
  }
  return new RegExp(`^${out}$`)
}

export const isGlob = (pattern: string) => /[*?[]/.test(pattern)
const literal = (char: string) => char.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')

/** Reads a `.dockerignore`: gives whether a path of the context is left out. The last line that matches decides; `!` takes back in. */
export function parseIgnore(text: string): (path: string) => boolean {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const keep = line.startsWith('!')
      const pattern = line
        .slice(keep ? 1 : 0)
        .trim()
        .replace(/^\/+/, '')
        .replace(/^\.\//, '')
        .replace(/\/+$/, '')
      return { keep, pattern: globToRegExp(pattern) }
    })
  return (path) => {
    const parts = path.split('/')
    const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/'))
    return rules.reduce((ignored, rule) => (prefixes.some((prefix) => rule.pattern.test(prefix)) ? !rule.keep : ignored), false)
  }
}
