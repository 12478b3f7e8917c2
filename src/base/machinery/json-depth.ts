/** As Go's decoder: what is nested deeper is refused. */
export const maxJsonDepth = 10_000

const [quote, backslash, openList, closeList, openMap, closeMap] = [...'"\\[]{}'].map((character) => character.charCodeAt(0))

/** Whether JSON text is nested deeper than `maxJsonDepth`. Short text cannot be. */
export function isTooDeep(text: Uint8Array): boolean {
  if (text.length <= maxJsonDepth) return false
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]
    if (quoted) {
      if (byte === backslash) at++
      else if (byte === quote) quoted = false
    } else if (byte === quote) quoted = true
    else if (byte === openList || byte === openMap) {
      if (++depth > maxJsonDepth) return true
    } else if (byte === closeList || byte === closeMap) depth--
  }
  return false
}
