import type { PullProgress } from '../../node/images/image-store.ts'
import type { CommandLine } from './context.ts'

const everyMs = 100

/** One line on a terminal that says how far it is; nothing elsewhere. */
export function showProgress(cli: CommandLine): { update: (progress: PullProgress) => void; end: () => void } {
  if (!cli.stderr.isTTY) return { update: () => undefined, end: () => undefined }
  let [total, received, shownMs] = [0, 0, 0]
  return {
    update(progress) {
      if (progress.step === 'found') total = progress.bytes
      else received += progress.bytes
      if (performance.now() - shownMs < everyMs) return
      shownMs = performance.now()
      cli.stderr.write(`\r\x1b[K${(received / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB …`)
    },
    end: () => void cli.stderr.write('\r\x1b[K'),
  }
}
