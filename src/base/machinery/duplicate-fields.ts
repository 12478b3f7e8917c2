/**
 * The fields that a JSON text gives twice, as upstream's strict decoding words them: `duplicate field "spec.replicas"`.
 * Expects a text that JSON.parse has accepted.
 */
export function duplicateFields(text: string): string[] {
  const faults: string[] = []
  const frames: Frame[] = []
  let at = 0
  while (at < text.length) {
    const top = frames[frames.length - 1]
    const char = text[at]
    if (char === '{') frames.push({ keys: new Set(), segment: '', expectsKey: true, index: 0 })
    else if (char === '[') frames.push({ keys: undefined, segment: '[0]', expectsKey: false, index: 0 })
    else if (char === '}' || char === ']') frames.pop()
    else if (char === ',' && top) advance(top)
    else if (char === '"') {
      const end = stringEnd(text, at)
      if (top?.expectsKey) readKey(frames, JSON.parse(text.slice(at, end)) as string, faults)
      at = end
      continue
    }
    at++
  }
  return faults
}

interface Frame {
  /** Undefined in a list. */
  readonly keys: Set<string> | undefined
  segment: string
  expectsKey: boolean
  index: number
}

function advance(frame: Frame): void {
  if (frame.keys) frame.expectsKey = true
  else frame.segment = `[${++frame.index}]`
}

function readKey(frames: readonly Frame[], key: string, faults: string[]): void {
  const top = frames[frames.length - 1]
  if (!top?.keys) return
  top.segment = `.${key}`
  top.expectsKey = false
  if (top.keys.has(key))
    faults.push(
      `duplicate field "${frames
        .map((frame) => frame.segment)
        .join('')
        .slice(1)}"`,
    )
  top.keys.add(key)
}

/** The place after the closing quote. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at + 1
  }
  return text.length
}
