import { finished } from 'node:stream/promises'
import type { Readable, Writable } from 'node:stream'
import type { ExecSession } from '../../runtime/runtime.ts'

/** The client's side of an exec, whatever protocol carries it. */
export interface ExecChannels {
  readonly stdin?: Readable | undefined
  readonly stdout?: Writable | undefined
  readonly stderr?: Writable | undefined
  /** Terminal sizes as they come. */
  onResize(listener: (size: { columns: number; rows: number }) => void): void
  /** The client went away. */
  onClose(listener: () => void): void
  /** Sends the outcome on the error channel and ends the connection. */
  finish(status: object): Promise<void>
}

export const successStatus = { metadata: {}, status: 'Success' }

/** As upstream's remotecommand v4: the exit code is a cause. */
export const exitStatus = (command: readonly string[], code: number): object =>
  code === 0
    ? successStatus
    : {
        metadata: {},
        status: 'Failure',
        reason: 'NonZeroExitCode',
        message: `command terminated with non-zero exit code: error executing command [${command.join(' ')}], exit code ${code}`,
        details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
      }

export const failureStatus = (message: string): object => ({ metadata: {}, status: 'Failure', reason: 'InternalError', message, code: 500 })

/** Joins the two sides until the command has ended and its output is delivered, or the client has gone: then the command is killed. */
export const joinExec = async (session: ExecSession, channels: ExecChannels, command: readonly string[]): Promise<void> => {
  channels.onClose(() => session.kill())
  channels.onResize(({ columns, rows }) => session.resize(columns, rows))
  if (channels.stdin && session.stdin) {
    const { stdin } = channels
    // Input that nobody takes any more must not hold the other streams back.
    session.stdin.on('error', () => {}).once('close', () => stdin.resume())
    stdin.pipe(session.stdin)
  }
  const outputs = [deliver(session.stdout, channels.stdout), ...(session.stderr ? [deliver(session.stderr, channels.stderr)] : [])]
  try {
    const code = await session.exited
    await Promise.allSettled(outputs)
    await channels.finish(exitStatus(command, code))
  } catch (error) {
    await channels.finish(failureStatus((error as Error).message))
  }
}

const deliver = async (from: Readable, to: Writable | undefined): Promise<void> => {
  if (!to) {
    from.resume()
    return finished(from).catch(() => undefined)
  }
  from.on('error', () => to.end())
  from.pipe(to)
  // A SPDY stream reads, too: only what is written matters here.
  await finished(to, { readable: false }).catch(() => undefined)
}
