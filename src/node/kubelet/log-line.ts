export interface LogLine {
  /** RFC 3339 with nanoseconds, as written. */
  readonly time: string
  readonly stream: string
  /** The line goes on in the next record. */
  readonly isPartial: boolean
  readonly content: Buffer
}

const space = 0x20

/** One record of the CRI log format: `TIME STREAM TAG CONTENT`; undefined where it is none. */
export const parseLogLine = (line: Buffer): LogLine | undefined => {
  const first = line.indexOf(space)
  const second = line.indexOf(space, first + 1)
  if (first < 0 || second < 0) return undefined
  const third = line.indexOf(space, second + 1)
  const tagEnd = third < 0 ? line.length : third
  return {
    time: line.toString('latin1', 0, first),
    stream: line.toString('latin1', first + 1, second),
    isPartial: line.toString('latin1', second + 1, tagEnd).split(':')[0] === 'P',
    content: line.subarray(Math.min(line.length, tagEnd + 1)),
  }
}

/** Reads the lines of a process that logs JSON with a `time` in RFC 3339, or plain text: that counts as written with the line before it. */
export const createPlainLineParser = (): ((line: Buffer) => LogLine) => {
  let time = '1970-01-01T00:00:00Z'
  return (line) => {
    time = /"time":"([^"]+)"/.exec(line.toString('latin1', 0, timeWithinBytes))?.[1] ?? time
    return { time, stream: 'stdout', isPartial: false, content: line }
  }
}

const timeWithinBytes = 256
