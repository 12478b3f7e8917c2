import type { RootView } from '../../images/root-view.ts'

export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Why a command cannot be started, in the words of the reference runtime; undefined when it can. */
export function whyNotExecutable(view: RootView, options: { command: string; path: string; workingDir: string }): string | undefined {
  const { command } = options
  if (command === '') return 'exec: "": executable file not found in $PATH'
  if (command.includes('/')) {
    const path = command.startsWith('/') ? command : `${options.workingDir}/${command}`
    const verdict = judge(view, path)
    if (verdict === 'ok') return undefined
    return verdict === 'missing' ? `exec: "${command}": stat ${command}: no such file or directory` : `exec: "${command}": ${verdict}`
  }
  const verdicts = options.path.split(':').map((folder) => judge(view, `${folder || options.workingDir}/${command}`))
  return verdicts.includes('ok') ? undefined : `exec: "${command}": executable file not found in $PATH`
}

function judge(view: RootView, path: string): 'ok' | 'missing' | 'is a directory' | 'permission denied' {
  const found = view.find(path)
  if (!found) return 'missing'
  if (found.stats.isDirectory()) return 'is a directory'
  return (found.stats.mode & 0o111) === 0 ? 'permission denied' : 'ok'
}
