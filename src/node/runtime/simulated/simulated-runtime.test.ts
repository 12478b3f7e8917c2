import { expect, it } from 'vitest'
import { FakeClock } from '../../../base/lib/clock.ts'
import { silentLog } from '../../../base/lib/log.ts'
import type { ContainerConfig, SandboxConfig } from '../runtime.ts'
import { createSimulatedRuntime } from './simulated-runtime.ts'

const sandboxConfig: SandboxConfig = {
  namespace: 'default',
  name: 'web',
  uid: 'u1',
  attempt: 0,
  hostname: 'web',
  hostNetwork: false,
  node: 'n1',
  logDirectory: '/nowhere',
  cgroupParent: '',
  sysctls: {},
}
const containerConfig: ContainerConfig = {
  name: 'c',
  attempt: 0,
  imageId: 'sha256:x',
  image: 'x',
  argv: ['x'],
  env: [],
  workingDir: '/',
  mounts: [],
  logPath: 'c/0.log',
  stdin: false,
  stdinOnce: false,
  tty: false,
  user: { uid: 0, gid: 0, supplementalGroups: [] },
  readOnlyRootFilesystem: false,
  privileged: false,
  noNewPrivileges: false,
  capabilities: { add: [], drop: [] },
  stopSignal: 'SIGTERM',
  resources: {},
}

it('leads sandboxes and containers through their states, by the clock it is given', async () => {
  const clock = new FakeClock(1000)
  const runtime = createSimulatedRuntime({ clock, log: silentLog, podIp: () => '10.1.0.2' })
  const changes: string[] = []
  runtime.onContainerChange((container) => changes.push(container))
  const sandbox = await runtime.runPodSandbox(sandboxConfig)
  expect(await runtime.runPodSandbox(sandboxConfig)).toBe(sandbox)
  expect(await runtime.listPodSandboxes()).toMatchObject([{ state: 'ready', ip: '10.1.0.2', createdAtMs: 1000 }])
  const container = await runtime.createContainer(sandbox, containerConfig)
  await clock.advance(500)
  await runtime.startContainer(container)
  await runtime.startContainer(container)
  expect(await runtime.listContainers(sandbox)).toMatchObject([{ state: 'running', startedAtMs: 1500 }])
  await expect(runtime.exec(container, { command: ['ls'], tty: false, stdin: false })).rejects.toThrow('its node is simulated')
  await runtime.stopContainer(container, 30)
  expect(await runtime.listContainers()).toMatchObject([{ state: 'exited', exitCode: 143 }])
  expect(changes).toEqual([container, container])
  await runtime.removePodSandbox(sandbox)
  expect([await runtime.listContainers(), await runtime.listPodSandboxes()]).toEqual([[], []])
})
