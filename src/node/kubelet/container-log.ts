import { watch } from 'node:fs'
import { open, readdir, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type LogLine, parseLogLine } from './log-line.ts'

export interface LogOptions {
  readonly follow: boolean
  readonly timestamps: boolean
  readonly tailLines?: number
  /** Records before this moment are left out. */
  readonly sinceMs?: number
  readonly limitBytes?: number
  /** Only what went to this one. */
  readonly stream?: 'stdout' | 'stderr'
}

export interface LogReadOptions extends LogOptions {
  readonly path: string
  /** Reads a record; the CRI log format unless told. */
  readonly parse?: (line: Buffer) => LogLine | undefined
  /** Resolves when what is given has been taken. */
  readonly write: (chunk: Buffer) => Promise<void>
  /** Whether more may come; asked at the end of the file when following. */
  readonly isLive: () => boolean | Promise<boolean>
  /** Calls back when the container may have ended; returns a function that unsubscribes. */
  readonly onChange?: (listener: () => void) => () => void
  readonly signal: AbortSignal
}

const blockBytes = 64 * 1024
const pollMs = 1000
const newline = 0x0a

/** Writes a container's log as `kubectl logs` shows it. A file that is not there yet is an empty log. */
export const readContainerLog = async (options: LogReadOptions): Promise<void> => {
  const file = await openIfThere(options.path)
  if (!file) return
  const changes = options.follow ? watchFile(options.path, options.onChange) : undefined
  try {
    await readFrom(file, await startOf(file, options.tailLines), options, changes)
  } finally {
    changes?.close()
  }
}

const openIfThere = (path: string): Promise<FileHandle | undefined> =>
  open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })

/**
 * The file that was begun after `file`, where that was rotated away: what was written before is all in `file` by then. Rotated files
 * carry their time, `0.log.20260101-000000`; there may be several since, and the eldest goes when there are too many.
 */
const successorOf = async (file: FileHandle, path: string): Promise<FileHandle | undefined> => {
  const { ino } = await file.stat()
  const rotated = (await readdir(dirname(path))).filter((name) => name.startsWith(`${basename(path)}.`)).sort()
  const names = [...rotated, basename(path)]
  const inodes = await Promise.all(names.map((name) => inodeOf(join(dirname(path), name))))
  const next = names[inodes.indexOf(ino) + 1]
  return next === undefined ? undefined : openIfThere(join(dirname(path), next))
}

const inodeOf = async (path: string): Promise<number | undefined> => (await stat(path).catch(() => undefined))?.ino

/** The offset of the last `lines` records. */
const startOf = async (file: FileHandle, lines: number | undefined): Promise<number> => {
  if (lines === undefined) return 0
  const { size } = await file.stat()
  if (lines <= 0) return size
  let found = 0
  for (let end = size; end > 0; end -= Math.min(end, blockBytes)) {
    const begin = Math.max(0, end - blockBytes)
    const { buffer } = await file.read(Buffer.alloc(end - begin), 0, end - begin, begin)
    for (let at = buffer.length - 1; at >= 0; at--) {
      if (buffer[at] !== newline || begin + at === size - 1) continue
      if (++found === lines) return begin + at + 1
    }
  }
  return 0
}

interface FileChanges {
  next(signal: AbortSignal): Promise<void>
  close(): void
}

// The poll covers file systems that tell nothing, and the end of the container.
const watchFile = (path: string, onChange: (listener: () => void) => () => void = () => () => {}): FileChanges => {
  let wake = () => {}
  let isMissed = false
  const notify = () => ((isMissed = true), wake())
  // The folder, since a rotated file is another one of the same name.
  const watcher = watch(dirname(path), (_, name) => name === basename(path) && notify())
  const unsubscribe = onChange(notify)
  watcher.on('error', () => {})
  return {
    next: (signal) =>
      new Promise((resolve) => {
        if (isMissed || signal.aborted) return ((isMissed = false), resolve())
        const finish = () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', finish)
          isMissed = false
          wake = () => {}
          resolve()
        }
        const timer = setTimeout(finish, pollMs)
        signal.addEventListener('abort', finish)
        wake = finish
      }),
    close: () => (watcher.close(), unsubscribe()),
  }
}

const readFrom = async (first: FileHandle, start: number, options: LogReadOptions, changes: FileChanges | undefined): Promise<void> => {
  const { signal, isLive } = options
  const render = createRenderer(options)
  let file = first
  let position = start
  let rest: Buffer = Buffer.alloc(0)
  let wasLive = true
  let successor: FileHandle | undefined
  try {
    while (!signal.aborted) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(blockBytes), 0, blockBytes, position)
      if (bytesRead > 0) {
        position += bytesRead
        const data = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
        const end = data.lastIndexOf(newline)
        rest = data.subarray(end + 1)
        const { chunk, isFull } = render(data.subarray(0, end + 1))
        if (chunk.length) await options.write(chunk)
        if (isFull) return
      } else if (successor) {
        await file.close()
        ;[file, position, successor] = [successor, 0, undefined]
      } else if (!changes || !wasLive) return
      else if (!(successor = await successorOf(file, options.path))) {
        wasLive = await isLive()
        if (wasLive) await changes.next(signal)
      }
    }
  } finally {
    await file.close()
    await successor?.close()
  }
}

const createRenderer = ({ timestamps, sinceMs, stream, parse = parseLogLine, limitBytes = Number.POSITIVE_INFINITY }: LogReadOptions) => {
  let left = limitBytes
  let isContinued = false
  return (lines: Buffer): { chunk: Buffer; isFull: boolean } => {
    const parts: Buffer[] = []
    for (let at = 0; at < lines.length;) {
      const end = lines.indexOf(newline, at)
      const line = parse(lines.subarray(at, end))
      at = end + 1
      if (!line || (sinceMs !== undefined && Date.parse(line.time) < sinceMs) || (stream && line.stream !== stream)) continue
      if (timestamps && !isContinued) parts.push(Buffer.from(`${line.time} `))
      parts.push(line.content)
      if (!line.isPartial) parts.push(Buffer.from('\n'))
      isContinued = line.isPartial
    }
    const chunk = Buffer.concat(parts)
    const kept = chunk.subarray(0, left)
    left -= kept.length
    return { chunk: kept, isFull: left <= 0 }
  }
}
