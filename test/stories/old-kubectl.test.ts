import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot } from './harness.ts'

const folder = isRoot ? mkdtempSync(join(tmpdir(), 'knarr-old-kubectl-')) : ''
const old = isRoot ? fetchOldKubectl() : undefined

/** Debian's kubectl, unpacked beside the one in use; undefined where apt has none. */
function fetchOldKubectl(): string | undefined {
  try {
    execFileSync('apt-get', ['download', 'kubernetes-client'], { cwd: folder, stdio: 'ignore', timeout: 60_000 })
    const [archive = ''] = readdirSync(folder).filter((name) => name.endsWith('.deb'))
    execFileSync('dpkg', ['-x', archive, '.'], { cwd: folder, stdio: 'ignore' })
    return join(folder, 'usr', 'bin', 'kubectl')
  } catch {
    rmSync(folder, { recursive: true, force: true })
    return undefined
  }
}

const manifest = (replicas: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ticker}
spec:
  ${replicas}: 1
  selector: {matchLabels: {app: ticker}}
  template:
    metadata: {labels: {app: ticker}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: knarr.local/host-node
        command: [sh, -c, 'echo began; exec sleep 3600']
        resources: {limits: {cpu: 1, memory: 64Mi}}
        readinessProbe: {exec: {command: ['true']}}
---
apiVersion: v1
kind: Service
metadata: {name: ticker}
spec: {selector: {app: ticker}, ports: [{name: a, port: 80, targetPort: http}, {name: b, port: 81, targetPort: 8080}]}
`

describe.skipIf(!old)('a kubectl from before server-side validation (needs root, and apt with kubernetes-client)', () => {
  const sandbox = createSandbox()
  const kubectl = (...args: string[]) => sandbox.run(old!, args)
  const k = async (...args: string[]) => {
    const answer = await kubectl(...args)
    expect(answer, args.join(' ')).toMatchObject({ code: 0 })
    return answer.stdout
  }
  beforeAll(async () => {
    await sandbox.knarr('up')
  })
  afterAll(async () => {
    await sandbox.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  it('creates, and applies what it has validated itself', async () => {
    expect(await k('create', 'configmap', 'settings', '--from-literal=a=b')).toBe('configmap/settings created\n')
    const applied = await sandbox.run(old!, ['apply', '-f', '-'], manifest('replicas'))
    expect(applied).toEqual({ code: 0, stdout: 'deployment.apps/ticker created\nservice/ticker created\n', stderr: '' })
    const again = await sandbox.run(old!, ['apply', '--dry-run=server', '-f', '-'], manifest('replicas'))
    // A quantity that is a number differs from the text that is stored, so that kubectl sees a change.
    expect(again.stdout).toBe('deployment.apps/ticker configured (server dry run)\nservice/ticker unchanged (server dry run)\n')
    const typo = await sandbox.run(old!, ['apply', '-f', '-'], manifest('replica'))
    expect(typo.code).toBe(1)
    expect(typo.stderr).toContain('unknown field "replica" in io.k8s.api.apps.v1.DeploymentSpec')
  })

  it('explains a field', async () => {
    expect(await k('explain', 'pod.spec.containers.image')).toMatch(/FIELD: +image <string>\n\nDESCRIPTION:\n +Container image name/)
    expect((await sandbox.k('explain', 'pod.spec.containers.image')).replace(/\s+/g, ' ')).toContain('DESCRIPTION: Container image name')
  })

  it('rolls out, execs by SPDY and reads logs', async () => {
    await k('rollout', 'status', 'deployment/ticker', '--timeout=60s')
    expect(await k('logs', 'deployment/ticker')).toBe('began\n')
    expect((await kubectl('exec', 'deployment/ticker', '--', 'sh', '-c', 'exit 5')).code).toBe(5)
    const echoed = await sandbox.run(old!, ['exec', '-i', 'deployment/ticker', '--', 'cat'], 'through and back')
    expect(echoed.stdout).toBe('through and back')
  })

  it('edits through an editor', async () => {
    await k('get', 'deployment', 'ticker')
    const edited = await sandbox.run('env', ['KUBE_EDITOR=sed -i s/replicas:.1/replicas:\\ 2/', old!, 'edit', 'deployment', 'ticker'])
    expect(edited).toMatchObject({ code: 0, stdout: 'deployment.apps/ticker edited\n' })
    await eventually(
      () => k('get', 'deployment', 'ticker', '-o', 'jsonpath={.status.readyReplicas}'),
      (ready) => ready === '2',
      'two replicas',
    )
  })
})
