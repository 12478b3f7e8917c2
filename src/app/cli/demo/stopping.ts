import type { CommandLine } from '../context.ts'

/** Why a demo ends before its end. */
export type StopReason = 'interrupted' | 'unread'

export interface Stopping {
  readonly signal: AbortSignal
  reason(): StopReason | undefined
  /** Gives signals and output back to whom they were. */
  end(): void
}

/**
 * Ctrl-C, SIGTERM, SIGHUP and a closed pipe stop the demo at its next step, so that it can still take away what it made. A second Ctrl-C ends the
 * process at once.
 */
export function watchForStop(cli: CommandLine): Stopping {
  const abort = new AbortController()
  let reason: StopReason | undefined
  const stop = (why: StopReason) => () => {
    reason ??= why
    abort.abort()
  }
  const onSignal = stop('interrupted')
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.once(name, onSignal)
  // The command as a whole just exits when nobody reads on.
  const before = cli.stdout.listeners('error') as ((error: Error) => void)[]
  cli.stdout.removeAllListeners('error')
  cli.stdout.on('error', stop('unread'))
  return {
    signal: abort.signal,
    reason: () => reason,
    end() {
      for (const name of signals) process.off(name, onSignal)
      cli.stdout.removeAllListeners('error')
      for (const listener of before) cli.stdout.on('error', listener)
    },
  }
}
