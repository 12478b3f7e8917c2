import type { ContainerRuntime } from '../../runtime/runtime.ts'

const outputLimit = 10 * 1024

/** Runs a command in a container to its end; of its output the beginning is kept. It is killed when the signal aborts. */
export const runCommand = async (
  runtime: ContainerRuntime,
  containerId: string,
  { command, signal }: { command: readonly string[]; signal: AbortSignal },
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string; readonly output: string }> => {
  const session = await runtime.exec(containerId, { command, tty: false, stdin: false })
  const texts = { stdout: '', stderr: '', output: '' }
  const collect = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
    for (const kept of [name, 'output'] as const) texts[kept] += chunk.toString('utf8').slice(0, outputLimit - texts[kept].length)
  }
  session.stdout.on('data', collect('stdout'))
  session.stderr?.on('data', collect('stderr'))
  const kill = () => session.kill()
  if (signal.aborted) kill()
  signal.addEventListener('abort', kill, { once: true })
  try {
    return { code: await session.exited, ...texts }
  } finally {
    signal.removeEventListener('abort', kill)
  }
}
